"""SGD in blocks is the three lines of `optimizer.steps.sgd`, to the last bit."""

import numpy as np
import pytest

from feedbackalign import optimizer
from feedbackalign.ops.fast.sgd import BLOCK, sgd_in_blocks
from feedbackalign.optimizer import steps

ORDERS = {"C": np.array, "F": lambda a: np.array(a, order="F"),
          "every second": lambda a: np.repeat(a, 2, axis=-1)[..., ::2]}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("shape", [(1,), (3,), (BLOCK - 1,), (BLOCK,), (BLOCK + 1,), (3, BLOCK), (200, 3, 11, 12)])
@pytest.mark.parametrize("order", ORDERS)
def test_blocks_take_the_same_steps_bit_for_bit(order, shape, momentum, dtype):
    rng = np.random.default_rng(0)
    start = np.asarray(rng.normal(size=shape), dtype=dtype)
    plain, fast = ORDERS[order](start), ORDERS[order](start)
    v = w = 0.0
    for _ in range(3):
        g = ORDERS[order](np.asarray(rng.normal(size=shape), dtype=dtype))
        kept = g.copy()
        v, w = steps.sgd(plain, g, v, 0.1, momentum, 0.03), sgd_in_blocks(fast, g, w, 0.1, momentum, 0.03)
        assert np.array_equal(g, kept)
        assert fast.dtype == dtype and fast.tobytes() == plain.tobytes()
        assert not momentum or (np.asarray(w).dtype == dtype and np.asarray(w).tobytes() == np.asarray(v).tobytes())
    assert not np.array_equal(plain, start)


def test_the_optimiser_goes_in_blocks_where_a_parameter_is_large(monkeypatch):
    """And a run that changes from one to the other in the middle takes the same steps."""
    rng = np.random.default_rng(1)
    start, gradients = rng.normal(size=(7, 5)), rng.normal(size=(4, 7, 5))
    called, found = [], []
    monkeypatch.setattr(steps, "sgd_in_blocks", lambda *given: called.append(1) or sgd_in_blocks(*given))
    for limits in ([10**9] * 4, [0] * 4, [0, 281, 280, 281], [281, 0, 0, 281]):
        theta, sgd = {"fc1.weight": start.copy()}, optimizer.SGD(0.1, momentum=0.9, weight_decay=0.01)
        for limit, gradient in zip(limits, gradients):
            monkeypatch.setattr(steps, "LARGE", limit)
            sgd.step(theta, {"fc1.weight": gradient})
        found.append(theta["fc1.weight"].tobytes())
    assert len(called) == 0 + 4 + 2 + 2 and len(set(found)) == 1

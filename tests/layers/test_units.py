"""Large arrays take another way through ReLU and residual blocks, in blocks on threads, and come out the same."""

import numpy as np
import pytest

from feedbackalign.layers import ReLU, Residual, residual, units
from feedbackalign.ops.fast import threads


@pytest.mark.parametrize("number", ["1", "2"])
def test_large_arrays_in_blocks_give_the_same_bytes_as_one_call(number, monkeypatch):
    rng = np.random.default_rng(0)
    x, error = np.moveaxis(rng.normal(size=(2, 3, 4, 5, 6)), -1, 1)                # no C order in memory
    monkeypatch.setenv(threads.VARIABLE, number)
    called, share_out = [], threads.share_out
    monkeypatch.setattr(threads, "share_out", lambda *given: called.append(1) or share_out(*given))

    def passes():
        block = Residual([ReLU()])
        return [block.forward(x), block.backward(error), block.layers[0].backward(error)]

    whole = passes()
    assert not called
    for module, name, value in ((units, "LARGE", x.size), (residual, "LARGE", x.size), (threads, "BLOCK", 64)):
        monkeypatch.setattr(module, name, value)
    blocks = passes()
    assert len(called) == 5                                                     # ReLU up, sum up, ReLU down twice, sum
    for one, other in zip(whole, blocks):
        assert one.tobytes() == other.tobytes() and one.strides == other.strides == x.strides
    np.testing.assert_array_equal(whole[0], np.maximum(x, 0) + x)

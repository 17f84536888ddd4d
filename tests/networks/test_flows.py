"""The network around a flow: three sizes, and the flow's own options by name."""

import numpy as np
import pytest

from feedbackalign.networks import ode_to_ode
from tests.assertions import assert_gradients


@pytest.mark.parametrize("flow", ["iso", "gated", "free-time"])
def test_it_is_an_encoder_a_flow_and_a_readout(flow):
    net = ode_to_ode([5, 4, 3], flow=flow, steps=3, time=0.6, activation="sin", map="cayley", gates=2, hidden=3,
                     loss="squared-error", rng=np.random.default_rng(0), dtype=np.float64)
    assert [layer.name for layer in net.layers] == ["fc1", "flow1", "fc2"] and net.outputs == 3
    assert repr(net.layer("flow1")) == f"MatrixFlow(4, 3, 0.6, {flow}, sin, cayley)"
    assert net.shapes["flow1"] == ((4,), (4,))
    assert_gradients(net, np.random.default_rng(1))


def test_other_numbers_of_sizes_are_refused():
    with pytest.raises(ValueError, match=r"sizes: expected at least 3, got \[4, 2\]"):
        ode_to_ode([4, 2], rng=np.random.default_rng(0))

"""float32 and float64, or their names: every door that takes a dtype refuses all else."""

import importlib
import inspect
import pkgutil

import numpy as np
import pytest

import feedbackalign as fa
from feedbackalign.networks.chains import settling_chain
from feedbackalign.ops import initialisers, losses

rng = np.random.default_rng


def net():
    return fa.networks.mlp([3, 4, 2], activation="tanh", rng=rng(0))


DOORS = {
    "feedbackalign.layers.base.Layer.astype": lambda dtype: fa.layers.ReLU().astype(dtype),
    "feedbackalign.layers.flows.MatrixFlow": lambda dtype: fa.layers.MatrixFlow(3, 2, rng=rng(0), dtype=dtype),
    "feedbackalign.layers.flows.MatrixFlow.astype": lambda dtype: fa.layers.MatrixFlow(3, 2, rng=rng(0)).astype(dtype),
    "feedbackalign.layers.normalisation.BatchNorm": lambda dtype: fa.layers.BatchNorm1d(3, dtype=dtype),
    "feedbackalign.layers.spikes.SpikeTimes": lambda dtype: fa.layers.SpikeTimes(3, 2, rng=rng(0), dtype=dtype),
    "feedbackalign.layers.weighted.Conv2d": lambda dtype: fa.layers.Conv2d(1, 2, 3, rng=rng(0), dtype=dtype),
    "feedbackalign.layers.weighted.Linear": lambda dtype: fa.layers.Linear(3, 2, rng=rng(0), dtype=dtype),
    "feedbackalign.layers.weighted.WeightedLayer.astype":
        lambda dtype: fa.layers.Linear(3, 2, rng=rng(0)).astype(dtype),
    "feedbackalign.networks.chains.Chain.rest": lambda dtype: settling_chain(net(), "tanh").rest(2, dtype),
    "feedbackalign.networks.convolutional.digits_conv": lambda dtype: fa.networks.digits_conv(rng=rng(0), dtype=dtype),
    "feedbackalign.networks.convolutional.lenet_cifar": lambda dtype: fa.networks.lenet_cifar(rng=rng(0), dtype=dtype),
    "feedbackalign.networks.convolutional.lenet_mnist": lambda dtype: fa.networks.lenet_mnist(rng=rng(0), dtype=dtype),
    "feedbackalign.networks.convolutional.settling_conv":
        lambda dtype: fa.networks.settling_conv(rng=rng(0), dtype=dtype),
    "feedbackalign.networks.dense.autoencoder": lambda dtype: fa.networks.autoencoder([3, 2], rng=rng(0), dtype=dtype),
    "feedbackalign.networks.dense.mlp": lambda dtype: fa.networks.mlp([3, 2], rng=rng(0), dtype=dtype),
    "feedbackalign.networks.flows.ode_to_ode": lambda dtype: fa.networks.ode_to_ode([3, 4, 2], rng=rng(0), dtype=dtype),
    "feedbackalign.networks.network.Network.astype": lambda dtype: net().astype(dtype),
    "feedbackalign.networks.residual.resnet18": lambda dtype: fa.networks.resnet18(size=32, rng=rng(0), dtype=dtype),
    "feedbackalign.networks.residual.resnet_for_small_images":
        lambda dtype: fa.networks.resnet20(rng=rng(0), dtype=dtype),
    "feedbackalign.networks.spikes.spiking": lambda dtype: fa.networks.spiking([3, 4, 2], rng=rng(0), dtype=dtype),
    "feedbackalign.data.dataset.Dataset.astype": lambda dtype: fa.data.digits().astype(dtype),
    "feedbackalign.ops.initialisers.draw": lambda dtype: initialisers.draw((3, 2), rng(0), dtype=dtype),
    "feedbackalign.ops.initialisers.draw_bias": lambda dtype: initialisers.draw_bias((3, 2), rng(0), dtype=dtype),
    "feedbackalign.ops.initialisers.orthogonal": lambda dtype: initialisers.orthogonal((3, 2), rng(0), dtype),
    "feedbackalign.ops.losses.one_hot": lambda dtype: losses.one_hot(np.array([0, 1]), 2, dtype),
    "feedbackalign.rules.base.Rule.astype": lambda dtype: fa.rules.make("fa", net(), rng=rng(1)).astype(dtype),
    "feedbackalign.rules.control.analytic_feedback_control.AnalyticFeedbackControl.astype":
        lambda dtype: fa.rules.make("dfc-ssa", net(), rng=rng(1)).astype(dtype),
    "feedbackalign.runs.models.fit": lambda dtype: fa.runs.models.fit("mlp", fa.data.digits(), rng=rng(0), dtype=dtype),
    "feedbackalign.runs.run.Run": lambda dtype: fa.Run("bp", dtype=dtype),
}
NONE_IS_USUAL = ("rest", "fit", "Run")                              # the network's own dtype, or the model's
# What no user calls: these are handed a dtype that was checked.
INSIDE = {"WeightedLayer", "drawn", "draw_B", "require_step", "require_factor", "require_dtype"}


def doors():
    """Every public function, class and method of the package that has an argument called dtype, by its full name."""
    found = {}
    for module in pkgutil.walk_packages(fa.__path__, "feedbackalign."):
        if module.name.endswith("__main__"):
            continue
        for name, thing in vars(importlib.import_module(module.name)).items():
            if getattr(thing, "__module__", None) != module.name or name.startswith("_"):
                continue
            if inspect.isclass(thing):
                found |= {f"{module.name}.{name}" + ("" if key == "__init__" else f".{key}"): value
                          for key, value in vars(thing).items() if inspect.isfunction(value)}
            elif inspect.isfunction(thing):
                found[f"{module.name}.{name}"] = thing
    return {name for name, function in found.items() if "dtype" in inspect.signature(function).parameters}


def test_no_door_is_forgotten():
    assert {name for name in doors() if name.rpartition(".")[2] not in INSIDE} == DOORS.keys()


@pytest.mark.parametrize("name", DOORS)
def test_a_dtype_is_float32_or_float64_and_nothing_else(name):
    usual = [] if name.endswith(NONE_IS_USUAL) else [None]
    for wrong in [*usual, int, float, bool, complex, np.int8, np.float16, np.complex64, np.longdouble, "a", "f4",
                  "int8", "complex128", np.dtype(np.float32).newbyteorder(), 32, ""]:
        with pytest.raises(TypeError, match="^dtype: expected numpy.float32 or numpy.float64, or the name of one, got"):
            DOORS[name](wrong)
    for right in (np.float32, "float64", np.dtype(np.float32), np.dtype("float64")):
        DOORS[name](right)


def test_a_refused_dtype_changes_nothing():
    network = fa.networks.mlp([3, 4, 2], batch_norm=True, rng=rng(0))
    before = {name: array.tobytes() for name, array in network.parameters().items()}
    with pytest.raises(TypeError):
        network.astype(np.int8)
    assert {name: array.tobytes() for name, array in network.parameters().items()} == before
    assert network.astype("float64").dtype == np.float64

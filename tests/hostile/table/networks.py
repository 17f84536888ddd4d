"""Networks: builders, the passes and losses of a network, small networks, and the Jacobians of dense chains."""

import numpy as np

import feedbackalign as fa
from tests.hostile.calls import Entry
from tests.hostile.table.layers import INITS, MADE, MAKE, POSITIVE
from tests.hostile.values import (Fresh, Kind, dtype, flag, floats, integer, labels, named_arrays, net, network,
                                  number, rng,
                                  several, without, word)

CHANNELS, CLASSES = integer(1, good=(1, 3)), integer(1, good=(10, 3, np.uint8(10)))
LOSSES = word("cross-entropy", "squared-error")
ACTIVATIONS = word("relu", "tanh", "soft-clip")


def sizes(*good):
    return several(integer(1, good=(4,)), *good)


CONV = {"channels": CHANNELS, "classes": CLASSES, "init": INITS, **MAKE}
RESNET = {**CONV, "size": integer(1, good=(8, 32)), "option": word("A", "B")}
FLOW = MADE["MatrixFlow"]
TABLE = {
    "networks.mlp": Entry({"sizes": sizes([4, 3, 2], (4, 2), np.array([4, 3], np.uint8)), "activation": ACTIVATIONS,
                           "loss": LOSSES, "init": INITS, "bias": flag(), "batch_norm": flag(),
                           "output_gain": POSITIVE, **MAKE}),
    "networks.autoencoder": Entry({"sizes": sizes([6, 4, 2], (4, 2)), "activation": ACTIVATIONS, "init": INITS,
                                   **MAKE}),
    "networks.ode_to_ode": Entry({"sizes": sizes([4, 3, 2]), "loss": LOSSES, "init": INITS, **{
        name: FLOW[name] for name in ("steps", "time", "flow", "activation", "map", "gates", "hidden")}, **MAKE}),
    "networks.spiking": Entry({"sizes": sizes([4, 3, 2], (4, 2)), "threshold": POSITIVE,
                               "t_max": number(0, low_open=True, good=(4.0, 5)), "beta": POSITIVE,
                               "kernel": word("ramp", "alpha"), "tau": POSITIVE,
                               "window": number(0, low_open=True, good=(1.0, 0.5)), **MAKE}),
    "networks.lenet_mnist": Entry({**CONV, "size": integer(1, good=(32,)).but(too_small=8)}),
    "networks.lenet_cifar": Entry({**CONV, "size": integer(1, good=(32, 16))}),
    "networks.digits_conv": Entry({**CONV, "size": integer(4, good=(8, 10))}),
    "networks.settling_conv": Entry({**CONV, "size": integer(4, good=(8, 10)),
                                     "pooling": word("max", "average", "softmax")}),
    **{f"networks.resnet{depth}": Entry(RESNET, quick=depth == 20) for depth in (20, 32, 44, 56, 110)},
    "networks.resnet18": Entry({**CONV, "size": integer(1, good=(224,))}, quick=False),
    "networks.Network": Entry({"layers": several(
        Kind((fa.layers.ReLU(),), {**without(), "a class": fa.layers.ReLU, "a word": "relu"}),
        Fresh(lambda: [fa.layers.Linear(4, 2, rng=np.random.default_rng(0))]), Fresh(lambda: net().layers)),
        "input_shape": Kind((None, (4,), [4]), {"a word": "4", "a number": 4, "a float inside": (4.0,), "a flag": True,
                                                "another shape": (5,), "an object": object(), "NaN inside": (np.nan,),
                                                "empty": (), "images": (1, 4, 4)}), "loss": LOSSES}),
}


# ------------------------------------------------------------------------------------------- a network after a pass

def passed():
    network = net(dtype=np.float64)
    network.forward(X.good[0])
    return network


X, Y = floats((6, 4)), labels(6, 2)
PASSES = ("NaN inside", "infinity inside")
OUTPUT = floats((6, 2), free=(), seed=4).but(without=(*PASSES, "complex"))
ERROR = floats((6, 2), free=(), seed=5).but(without=PASSES)
LAYER_NAME = word("fc1", "fc2")
METHODS = {
    "forward": {"x": X.but(without=PASSES), "training": flag()},
    "backward": {"error": ERROR},
    "layer": {"name": LAYER_NAME},
    "weighted_layer": {"name": LAYER_NAME.but(a_layer_without_weights="relu1")},
    "astype": {"dtype": dtype()},
    "load_state": {"state": named_arrays({}).but(without=("an empty dict",))},
    **{name: {"output": OUTPUT, "targets": Y} for name in ("loss", "loss_error", "loss_and_error", "sample_errors",
                                                         "sample_losses", "sample_losses_and_errors")},
}
TABLE |= {f"networks.Network.{name}": Entry(arguments, on=passed) for name, arguments in METHODS.items()}
TABLE |= {f"networks.small.{name}": Entry({"rng": rng(), **more}) for name, more in {
    "dense": {"activation": ACTIVATIONS, "loss": LOSSES}, "wide": {"activation": ACTIVATIONS},
    "kinked_images": {"loss": LOSSES}, "images": {}, "settling": {}, "settling_images": {}, "spiking": {}}.items()}

# ------------------------------------------------------------------------------------------------------- Jacobians

SMALL = Fresh(lambda: net(dtype=np.float64))
STAGES = fa.jacobians.dense_chain(net(dtype=np.float64))
SEEN = fa.jacobians.forward(STAGES, X.good[0])
CHAIN = Kind((STAGES,), {**without(), "a network": SMALL, "a word": "mlp", "an empty list": [], "a number": 3,
                         "layers": Fresh(lambda: net().layers)})
PASS = Kind((SEEN,), {**without(), "an array": np.ones((6, 2)), "a word": "ab", "a list": [1, 2],
                      "a pass of another depth": SEEN._replace(pre=SEEN.pre[:1])})
GAMMA = number(0, good=(0.1, 1))
SIGNALS = several(ERROR, [np.ones((6, 3)), np.ones((6, 2))])
TABLE |= {f"jacobians.{name}": Entry(arguments) for name, arguments in {
    "forward": {"stages": CHAIN, "x": X.but(without=(*PASSES, "one axis more"))},
    "last_pass": {"stages": Kind((Fresh(lambda: fa.jacobians.dense_chain(passed())),), CHAIN.bad), "output": OUTPUT},
    **{name: {"stages": CHAIN, "seen": PASS} for name in ("slopes", "post_jacobians", "pre_jacobians")},
    "dense_chain": {"network": network(Fresh(net))},
    "damped_pinv": {"J": floats((6, 2, 3), free=(0, 1, 2)).but(without=(*PASSES, "one axis more")), "gamma": GAMMA},
    "times": {"matrices": floats((6, 3, 2), free=(1,)).but(without=PASSES), "vectors": ERROR},
    "gradients_of_signals": {"stages": CHAIN, "seen": PASS, "signals": SIGNALS},
    **{name: {"stages": CHAIN, "seen": PASS, "error": ERROR, "gamma": GAMMA} for name in (
        "layerwise_gauss_newton", "joint_gauss_newton", "minimum_norm")},
}.items()}

"""The layers: what they are made of, and their methods after a forward pass."""

import numpy as np

import feedbackalign as fa
from tests.hostile.calls import Entry
from tests.hostile.public import methods
from tests.hostile.values import (Fresh, Kind, dtype, flag, floats, integer, number, rng, several, without, word)

INITS = word("xavier-uniform", "xavier-normal", "kaiming-uniform", "kaiming-normal", "orthogonal")
POSITIVE = number(0, low_open=True, good=(0.5, 1, np.float32(2)))
SIZE = integer(1, good=(3, np.uint8(3)))
MAKE = {"rng": rng(), "dtype": dtype()}
WEIGHTED = {"bias": flag(), "init": INITS, "density": number(0, 1, low_open=True, good=(1.0, 0.9, 1)), **MAKE}
LAYERS = several(Kind((fa.layers.ReLU(),), {**without(), "a class": fa.layers.ReLU, "a word": "relu", "a number": 3}),
                 Fresh(lambda: [fa.layers.Tanh()]), Fresh(lambda: [fa.layers.ReLU(), fa.layers.Tanh()]), empty=False)

MADE = {
    "AvgPool2d": {"size": integer(1, good=(2,)), "stride": integer(1, good=(1, 2)).or_none()},
    "MaxPool2d": {"size": integer(1, good=(2, 3)), "stride": integer(1, good=(1, 2)).or_none(),
                  "padding": integer(0, good=(0, 1))},
    "SoftmaxPool2d": {"size": integer(1, good=(2,)), "stride": integer(1, good=(1, 2)).or_none()},
    "BatchNorm1d": {"channels": SIZE, "momentum": number(0, 1, low_open=True, good=(0.1, 1)), "epsilon": POSITIVE,
                    "dtype": dtype()},
    "Linear": {"inputs": SIZE, "outputs": SIZE, **WEIGHTED},
    "Conv2d": {"inputs": SIZE, "outputs": SIZE,
               "kernel": integer(1, good=(2, (2, 3), [2, 1])).but(a_triple=(1, 1, 1), a_word_inside=("2", 1),
                                                                  no_length=(), zero_inside=(0, 1)),
               "stride": integer(1), "padding": integer(0), **WEIGHTED},
    "SpikeTimes": {"inputs": SIZE, "outputs": SIZE, "threshold": POSITIVE,
                   "t_max": number(0, low_open=True, good=(4.0, 5)), "kernel": word("ramp", "alpha"),
                   "tau": POSITIVE, **MAKE},
    "LatencyCode": {"window": POSITIVE, "zero_silent": flag()},
    "TimesToLogits": {"t_max": POSITIVE, "beta": POSITIVE},
    "MatrixFlow": {"d": SIZE, "steps": SIZE, "time": POSITIVE, "flow": word("iso", "gated", "free-time"),
                   "activation": word("abs", "tanh"), "map": word("exp", "cayley"), "gates": SIZE,
                   "hidden": SIZE, **MAKE},
    "PaddedShortcut": {"channels": SIZE, "stride": integer(1)},
    "Residual": {"layers": LAYERS, "shortcut": LAYERS},
}
MADE["BatchNorm2d"] = MADE["BatchNorm1d"]
MADE["SpikeTimes"]["t_max"] = MADE["SpikeTimes"]["t_max"].but(without=("infinity",))


# ------------------------------------------------------------------------- a layer of each kind, and the shape it takes

def new():
    return {"rng": np.random.default_rng(0), "dtype": np.float64}


ROWS, IMAGES = (6, 4), (2, 3, 6, 5)
OF_IMAGES = {"Conv2d": lambda: fa.layers.Conv2d(3, 2, 3, padding=1, **new()),
             "SoftmaxPool2d": lambda: fa.layers.SoftmaxPool2d(2),
             "AvgPool2d": lambda: fa.layers.AvgPool2d(2), "MaxPool2d": lambda: fa.layers.MaxPool2d(2),
             "GlobalAvgPool2d": fa.layers.GlobalAvgPool2d,
             "BatchNorm2d": lambda: fa.layers.BatchNorm2d(3, dtype=np.float64),
             "PaddedShortcut": lambda: fa.layers.PaddedShortcut(5), "Flatten": fa.layers.Flatten}
OF_ROWS = {"Linear": lambda: fa.layers.Linear(4, 3, **new()),
           "BatchNorm1d": lambda: fa.layers.BatchNorm1d(4, dtype=np.float64),
           "SpikeTimes": lambda: fa.layers.SpikeTimes(4, 3, **new()), "LatencyCode": fa.layers.LatencyCode,
           "TimesToLogits": lambda: fa.layers.TimesToLogits(4.0),
           "MatrixFlow": lambda: fa.layers.MatrixFlow(4, 2, **new()),
           "Residual": lambda: fa.layers.Residual([fa.layers.Linear(4, 4, **new()), fa.layers.ReLU()]),
           **{kind.__name__: kind for kind in fa.layers.ACTIVATIONS.values()}}
ANY_LENGTH = {**dict.fromkeys(("Flatten", "AvgPool2d", "MaxPool2d", "SoftmaxPool2d", "GlobalAvgPool2d"), (0, 1, 2, 3)),
              "BatchNorm2d": (0, 2, 3), "Conv2d": (0, 2, 3), "LatencyCode": (0, 1), "TimesToLogits": (0, 1),
              "PaddedShortcut": (0, 2, 3)}
# Elementwise layers take any shape. NaN goes through a layer: where training diverges, the loop says so, and where.
ELEMENTWISE = ("TimesToLogits", "Flatten", *[kind.__name__ for kind in fa.layers.ACTIVATIONS.values()])
PASSES = ("NaN inside", "infinity inside")
OTHER_SHAPES = ("one axis more", "one axis less", "empty array")


def after_a_pass(make, shape):
    """The layer after one forward and one backward pass."""
    def on():
        layer = make()
        y = layer.forward(0.9 * np.random.default_rng(3).random(shape))
        layer.backward(np.ones_like(y))
        return layer
    return on


def taken(name, shape):
    """The kind of x that a layer takes."""
    x = floats(shape, good=0.9 * np.random.default_rng(3).random(shape), free=ANY_LENGTH.get(name, (0,)))
    if name in ELEMENTWISE:
        return x.but(without=(*PASSES, *OTHER_SHAPES, *[f"axis {axis} too long" for axis in range(4)]))
    if name == "LatencyCode":
        return x
    return x.but(without=PASSES)


def answered(make, shape):
    """The kind of error that a layer takes after a pass: of the shape of its answer."""
    y = after_a_pass(make, shape)().forward(np.ones(shape) * 0.5)
    return floats(y.shape, free=()).but(without=PASSES)


def of_methods(name, make, shape):
    kind = getattr(fa.layers, name)
    error = answered(make, shape)
    layer = make()
    training = flag() if name.startswith("BatchNorm") else Kind((True, False), {})      # others do not look
    table = {"forward": {"x": taken(name, shape), "training": training}, "backward": {"error": error},
             "astype": {"dtype": dtype()}}
    if layer.is_weighted:
        table["draw_weights"] = {"rng": rng(), "shape": Kind((layer.weight.shape, None), {
            "a word": "ab", "a number": 4, "a flag": True})}
    on = after_a_pass(make, shape)
    return {f"layers.{name}.{method}": Entry(table[method], on=on) for method in methods(kind) if method in table}


TABLE = {f"layers.{name}": Entry(arguments) for name, arguments in MADE.items()}
for layers, shape in ((OF_ROWS, ROWS), (OF_IMAGES, IMAGES)):
    for name, make in layers.items():
        TABLE |= of_methods(name, make, shape)

"""Measures: alignment, gradient checks, the topology of weights; and the exercises."""

import numpy as np

import feedbackalign as fa
from tests.hostile.calls import Entry
from tests.hostile.values import (Fresh, Kind, flag, floats, function, integer, labels, named_arrays, net, network,
                                  number, rng, rule, several, without, word)

X, Y = floats((6, 4)), labels(6, 2)
V = floats((4,), lists=True, free=()).but(without=("one axis less", "empty array"))
ANY = V.but(without=("NaN inside", "infinity inside", "bool array", "one axis more", "a flag"))
MATRIX = floats((3, 4), lists=True, free=(0, 1)).but(without=("one axis more",))
GRADIENTS = {"fc1.weight": np.ones((2, 3)), "fc1.bias": np.ones(2)}
NAMED = named_arrays(GRADIENTS, others={"words inside": {"fc1.weight": "a", "fc1.bias": "b"}, "objects inside": {
    "fc1.weight": object(), "fc1.bias": object()}, "another shape": {"fc1.weight": np.ones(5), "fc1.bias": np.ones(5)},
    "complex": {name: array * 1j for name, array in GRADIENTS.items()}})
BATCH = {"x": X, "targets": Y}
TABLE = {
    "alignment.angle": Entry({"u": ANY, "v": ANY}),
    "alignment.angles_between": Entry({"gradients": NAMED, "reference": NAMED}),
    "alignment.relative_distance": Entry({"ours": NAMED, "exact": NAMED}),
    "alignment.in_float64": Entry({"rule": rule()}),
    "alignment.update_angles": Entry({"rule": rule(), **BATCH, "to": word("backprop").or_none()}),
    "alignment.delta_angles": Entry({"rule": rule(), **BATCH}),
    **{f"alignment.{name}": Entry({"rule": rule()}) for name in ("weight_angles", "norm_ratios", "reciprocity")},
    "alignment.spectrum": Entry({"B": MATRIX}),
    "alignment.path_floor": Entry({"B": MATRIX, "weight": floats((3, 5), lists=True, free=(1,)).but(
        without=("one axis more",))}),
}

# ------------------------------------------------------------------------------------------------------------ check

SMALL = Kind((1e-6, 1e-5), number(0, low_open=True, good=(1e-6,)).bad)
NET = Kind((Fresh(lambda: net(dtype=np.float64)), Fresh(lambda: fa.layers.Linear(4, 2, rng=np.random.default_rng(0)))),
           {label: value for label, value in network().bad.items() if label != "a layer"})
TABLE |= {
    "check.check_gradients": Entry({
        "subject": NET, "x": X.but(without=("half precision",)), "targets": Y.only(None).but(without=("None",)),
        "gradients": Kind((None,), {**without("None"), "a word": "ab", "a number": 5}),
        "rng": rng().or_none(), "limit": integer(1, good=(100,)), "h": SMALL, "rtol": Kind((1e-3,), SMALL.bad),
        "atol": Kind((1e-3,), SMALL.bad)}),
    "check.numerical_gradient": Entry({"function": function(lambda v: float((v**2).sum())).but(words=lambda v: "a"),
                                       "array": Kind((Fresh(lambda: np.ones((2, 3))),), floats((2, 3)).bad).but(
                                           without=("one axis more", "one axis less", "axis 1 too long"),
                                           float32=np.ones(3, np.float32)),
                                       "entries": Kind((None, [0, 1], np.array([2])), {
                                           **without("None"), "a word": "ab", "a number": 1, "too high": [6],
                                           "negative": [-7], "floats": [0.5], "a flag": [True]}),
                                       "h": SMALL}),
    "check.run": Entry({"rules": Kind((["bp"], []), {
        **without("None"), "a word": "bp", "an unknown word": ["nonsense"], "a number": 5, "a list with a number": [5],
        "a class inside": [dict]}),
                        "seed": integer(0, huge=1.5), "on_error": function(None, print).but(without=("None",))}),
}

# ---------------------------------------------------------------------------------------------- the topology of weights

W = floats((3, 4), lists=True, free=(0, 1)).but(without=("half precision",))
WEIGHTS = several(floats((3, 4), lists=True, free=(0, 1)), [np.ones((3, 4)) * [[1, 2, 3, 4]], np.eye(2, 3)])
P = number(1, good=(1, 2, 2.5))
HOW = {"p": P, "maximum": number(0, low_open=True, good=(20.0,)).or_none().but(below_the_largest=0.01),
       "normalised": flag(), "essential": flag()}
GRAPHS = several(floats((5, 3, 4), free=(0, 1, 2)), [np.ones((5, 3, 4))], [np.ones((5, 3, 4)), np.ones((5, 2, 3))])
SERIES = floats((8,), lists=True).but(without=("one axis less",))
CLEAN = floats((20, 3), lists=True, free=(0,))
TABLE |= {
    **{f"persistence.{name}": Entry({"W": W}) for name in ("mst_weights", "mst_weights_kruskal", "spanning_tree",
                                                           "low_arrangement", "high_arrangement")},
    **{f"persistence.{name}": Entry({"W": W, **HOW}) for name in ("neural_persistence", "persistence_bounds")},
    "persistence.network_persistence": Entry({"weights": WEIGHTS, **HOW}),
    "persistence.deep_graph_persistence": Entry({"weights": WEIGHTS, "rescale": flag(), **HOW}),
    "persistence.summary_matrix": Entry({"weights": WEIGHTS}),
    "persistence.maxmin": Entry({"P": floats((3, 4), lists=True, free=(0,)).but(without=("bool array",)),
                                 "Q": floats((4, 2), lists=True, free=(1,)).but(without=("bool array",))}),
    "persistence.shuffle_gap": Entry({"W": W, "count": integer(1, good=(2,)), "rng": rng()}),
    "persistence.activation_graphs": Entry({"weights": WEIGHTS, "activations": several(
        floats((5, 4), free=(0, 1)), [np.ones((5, 4)), np.ones((5, 3))])}),
    **{f"persistence.{name}": Entry({"graphs": GRAPHS, "standardise": flag()}) for name in (
        "dgp_witness", "maxima_witness", "topological_uncertainty")},
    "persistence.witnesses": Entry({"network": network(), "x": X, "kinds": several(
        word("dgp"), ["dgp", "softmax"], ("logits",))}),
    "persistence.persistence_row": Entry({"network": network(), "epoch": integer(0)}),
    "persistence.EarlyStopping": Entry({"patience": integer(1), "burn_in": integer(0),
                                        "least_gain": number(0, good=(0.0, 0.1))}),
    "persistence.EarlyStopping.__call__": Entry({"rows": Kind(([{"epoch": 0, "persistence": {"mean": 0.5}}],), {
        **without(), "a number": 5, "a word": "rows", "rows without it": [{"epoch": 0}]})},
        on=fa.persistence.EarlyStopping, quick=False),
    "persistence.ks_two_sample": Entry({"a": SERIES, "b": SERIES}),
    "persistence.detect_shift": Entry({
        "train": CLEAN, "labels": labels(20, 2).but(without=("a list", "negative", "too high")), "clean": CLEAN,
        "test": CLEAN}),
}
NUMBER = Kind(("1.1",), {**without(), "a float": 1.1, "an integer": 1, "an unknown one": "99.9", "a word": "first",
                         "empty": "", "one without a check": "1.9", "a list": ["1.1"], "a flag": True})
TABLE |= {"exercise": Entry({"number": NUMBER, "answer": Kind((None,), {})}),
          "exercises.exercise": Entry({"number": NUMBER, "answer": Kind((None,), {})}),
          "exercises.task": Entry({"number": NUMBER}), "exercises.arguments": Entry({"number": NUMBER}),
          "exercises.find": Entry({"number": NUMBER})}

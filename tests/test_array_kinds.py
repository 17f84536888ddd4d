"""Masked arrays, matrices and other kinds of array are refused at every door; memory maps and read-only arrays pass."""

import numpy as np
import pytest

import feedbackalign as fa
from feedbackalign import check, exercises
from feedbackalign.data import Dataset, Split, own
from feedbackalign.exercises import difference
from feedbackalign.ops import norms
from feedbackalign.persistence import activation, neural, paths, shift, trees

rng = np.random.default_rng(0)
X, LABELS, FLOATS = rng.normal(size=(6, 4)), np.arange(6) % 2, rng.normal(size=(6, 2))
W = rng.normal(size=(3, 4))


class OfAnotherKind(np.ndarray):
    """A subclass as one finds it in other packages."""


KINDS = {
    "MaskedArray": lambda array: np.ma.masked_array(array, mask=np.arange(array.size).reshape(array.shape) == 0),
    "matrix": lambda array: array.view(np.matrix),          # numpy.matrix itself warns
    "OfAnotherKind": lambda array: array.view(OfAnotherKind),
}


def network(**options):
    return fa.networks.mlp([4, 3, 2], rng=np.random.default_rng(1), dtype=np.float64, **options)


def rule(name="fa", **options):
    return fa.rules.make(name, network(**options), rng=np.random.default_rng(2))


def data(x, targets, classes=2):
    return Dataset("mine", train=Split(x, targets), validation=None, test=Split(x, targets), classes=classes)


def with_weight(array):
    state = rule().state()
    return state | {"constants/fc1.B": array}


# {door: (an array that it takes, the door)}
DOORS = {
    "samples of a Dataset": (X, lambda x: data(x, LABELS)),
    "labels of a Dataset": (LABELS, lambda labels: data(X, labels)),
    "values of a Dataset": (FLOATS, lambda values: data(X, values, classes=None)),
    "a file's samples": (X, lambda x: own.dataset("mine", x, LABELS)),
    "a file's targets": (FLOATS, lambda y: own.dataset("mine", X, y)),
    "evaluate": (X, lambda x: fa.training.evaluate(rule(), Split(x, LABELS))),
    "Network.forward": (X, lambda x: network().forward(x)),
    "Network.loss": (LABELS, lambda labels: network().loss(network().forward(X), labels)),
    "Network.backward": (FLOATS, lambda error: pass_of(network()).backward(error)),
    "values of a loss": (FLOATS, lambda values: network(loss="squared-error").loss(network().forward(X), values)),
    "Network.load_state": (np.ones(3), lambda mean: load(network(batch_norm=True), "bn1.running_mean", mean)),
    "train_step": (X, lambda x: fa.training.train_step(rule(), fa.optimizer.SGD(0.1), x, LABELS)),
    "labels of train_step": (LABELS, lambda labels: fa.training.train_step(rule(), fa.optimizer.SGD(0.1), X, labels)),
    "Rule.backward": (FLOATS, lambda error: pass_of(rule()).backward(error)),
    "Rule.load_state": (W, lambda B: rule().load_state(with_weight(B))),
    "predict": (X, lambda x: rule().predict(x)),
    "set_feedback": (W, lambda B: rule().set_feedback("fc1", B=B)),
    "optimizer.step": (W, lambda g: fa.optimizer.Adam(0.1).step({"fc1.weight": W.copy()}, {"fc1.weight": g})),
    "angle": (W, lambda u: fa.alignment.angle(u, W)),
    "update_angles": (X, lambda x: fa.alignment.update_angles(rule(), x, LABELS)),
    "delta_angles": (X, lambda x: fa.alignment.delta_angles(rule(), x, LABELS)),
    "angles_between": (W, lambda g: fa.alignment.angles_between({"fc1.weight": g}, {"fc1.weight": W})),
    "spectrum": (W, lambda B: fa.alignment.spectrum(B)),
    "path_floor": (W, lambda B: fa.alignment.path_floor(B, W)),
    "norm": (W, norms.norm),
    "neural_persistence": (W, neural.neural_persistence),
    "deep_graph_persistence": (W, lambda first: paths.deep_graph_persistence([first, np.ones((2, 3)) * [1, 2, 3]])),
    "maxmin": (W, lambda P: paths.maxmin(P, W.T)),
    "mst_weights": (W, lambda given: trees.as_matrix(given)),
    "activation_graphs": (X, lambda a: activation.activation_graphs([W], [a])),
    "detect_shift": (X, lambda test: shift.detect_shift(X, LABELS, X, test)),
    "check_gradients": (X, lambda x: check.check_gradients(network(), x, LABELS)),
    "gradients of a check": (W, lambda g: check.check_gradients(network(), X, LABELS, gradients={"fc1.weight": g})),
    "numerical_gradient": (W, lambda array: check.numerical_gradient(lambda v: float((v**2).sum()), array)),
} | {f"{kind.__name__}.forward": (X, lambda x, kind=kind: kind().forward(x))
     for kind in (*fa.layers.ACTIVATIONS.values(), fa.layers.Flatten)} | {
    "Linear.forward": (X, lambda x: network().layers[0].forward(x)),
    "Residual.forward": (X, lambda x: fa.layers.Residual([fa.layers.Tanh()]).forward(x)),
} | {f"{name}.gradients": (X, lambda x, name=name: fa.rules.make(
        name, fa.networks.mlp([4, 3, 2], activation="relu", rng=np.random.default_rng(1), dtype=np.float64),
        rng=np.random.default_rng(2)).gradients(x, LABELS))
     for name in ("wp", "np", "dfa", "gnt", "dfc-ssa", "consequentialism", "semi-implicit")}


def pass_of(subject):
    getattr(subject, "network", subject).forward(X)
    return subject


def load(subject, key, array):
    subject.load_state(subject.state() | {key: array})


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("door", DOORS)
def test_an_array_of_another_kind_is_refused_by_its_class(door, kind):
    array, enter = DOORS[door]
    if kind == "matrix" and array.ndim == 1:
        pytest.skip("a matrix has two axes")
    with pytest.raises(TypeError, match=rf"expected .*got .*{kind} of shape"):
        enter(KINDS[kind](array))


@pytest.mark.parametrize("door", DOORS)
def test_memory_maps_and_read_only_arrays_are_welcome(door, tmp_path):
    array, enter = DOORS[door]
    if door == "gradients of a check":                      # that of one array alone is no set of gradients
        return
    np.save(tmp_path / "array.npy", array)
    fixed = array.copy()
    fixed.flags.writeable = False
    if door != "numerical_gradient":                        # moves one entry after the other
        enter(fixed)
        enter(np.load(tmp_path / "array.npy", mmap_mode="r"))
    enter(np.load(tmp_path / "array.npy", mmap_mode="c"))


@pytest.mark.parametrize("kind", KINDS)
def test_an_answer_of_another_kind_is_not_right(kind):
    exercise = exercises.find("3.1")
    said = difference.difference(KINDS[kind](W), W, exercise)
    assert "plain array" in said and kind in said
    assert difference.difference(W.copy(), W, exercise) is None


@pytest.mark.parametrize("door", ["angle", "spectrum", "path_floor", "norm", "neural_persistence", "detect_shift",
                                  "activation_graphs", "set_feedback", "evaluate", "a file's samples"])
def test_complex_numbers_do_not_lose_their_imaginary_part(door):
    array, enter = DOORS[door]
    with pytest.raises((TypeError, ValueError), match="expected .*got complex128 array of shape"):
        enter(array + 1j)

"""What a GradientError tells: the wrong arrays from the top, whom to suspect, and factors that give themselves away."""

import pickle

import numpy as np
import pytest

from feedbackalign import layers, networks, rules
from feedbackalign.check.diagnosis import common_factor, factor_words, layers_above
from feedbackalign.check.gradients import GradientError, check_gradients


class SteepTanh(layers.Tanh):
    def backward(self, error):
        return 1.01 * super().backward(error)


class MeanLinear(layers.Linear):
    def local_gradients(self, error):
        return {key: gradient / len(error) for key, gradient in super().local_gradients(error).items()}


class OneWrong(layers.Linear):
    def outer(self, signal, x=None):
        gradient = super().outer(signal, x)
        gradient[0, 0] += 0.1
        return gradient


class SumOverBatch(networks.Network):
    def loss_error(self, output, targets):
        return self.sample_errors(output, targets)


class DoubledShortcut(layers.Residual):
    def backward(self, error):
        return super().backward(error) + error


MAKE = {"rng": np.random.default_rng(0), "dtype": np.float64}
X, LABELS = np.random.default_rng(1).normal(size=(6, 5)), np.array([0, 1, 2, 0, 1, 2])


def tower(*between, kind=networks.Network):
    """fc1 with 5 inputs and 6 outputs, what is asked for, and a layer with 3 outputs on top."""
    return kind([layers.Linear(5, 6, **MAKE), *between, layers.Linear(6, 3, **MAKE)])


def error_of(subject, *arguments, **options):
    with pytest.raises(GradientError) as caught:
        check_gradients(subject, X, *arguments, **options)
    return caught.value


@pytest.mark.parametrize("net, wrong, suspected", [
    (tower(SteepTanh()), ["fc1.weight 30/30", "fc1.bias 6/6"],
     "fc1.weight; suspect tanh1 or fc2 (the error comes down through them), or fc1 itself;"),
    (tower(layers.Tanh(), MeanLinear(6, 6, **MAKE), layers.Tanh()), ["fc2.weight 36/36", "fc2.bias 6/6"],
     "fc2.weight; suspect fc2 itself (the layers below get the right error);"),
    (tower(layers.Tanh(), OneWrong(6, 6, **MAKE), layers.Tanh()), ["fc2.weight 1/36"],
     "fc2.weight; suspect fc2 itself (its other gradients are right);"),
    (tower(layers.Tanh(), kind=SumOverBatch), ["fc2.weight 18/18", "fc2.bias 3/3", "fc1.weight 30/30", "fc1.bias 6/6"],
     "fc2.weight; suspect the error at the top, or fc2 itself;"),
    (tower(layers.Tanh(), DoubledShortcut([layers.Linear(6, 6, **MAKE)])), ["fc1.weight 30/30", "fc1.bias 6/6"],
     "fc1.weight; suspect tanh1 or block1 (the error comes down through them), or fc1 itself;"),
    (tower(layers.Residual([layers.Linear(6, 6, **MAKE), SteepTanh()])),
     ["block1.fc1.weight 36/36", "block1.fc1.bias 6/6", "fc1.weight 30/30", "fc1.bias 6/6"],
     "block1.fc1.weight; suspect block1.tanh1, block1 or fc2 (the error comes down through them), "
     "or block1.fc1 itself;"),
], ids=["a unit", "a mean", "one entry", "the loss", "a block", "a unit in a block"])
def test_wrong_arrays_are_listed_from_the_top_with_whom_to_suspect(net, wrong, suspected):
    error = error_of(net, LABELS)
    lines = str(error).splitlines()
    assert lines[1] == f"wrong/compared, from the top: {', '.join(wrong)}"
    assert lines[2] == f"topmost wrong: {suspected} check that layer alone with check_gradients(layer, x)"
    assert [f"{name} {bad}/{compared}" for name, (bad, compared) in error.wrong.items()] == wrong
    assert error.where.startswith(wrong[0].partition(" ")[0].rpartition(".")[0])
    assert lines[0].startswith(f"{error.where}: backward says {error.given:.10g}, central differences say ")


def test_gradients_that_were_given_are_called_given():
    net = tower(layers.Tanh(), layers.Linear(6, 6, **MAKE), layers.Tanh())
    fa = rules.make("fa", net, rng=np.random.default_rng(2))
    said = str(error_of(net, LABELS, gradients=fa.gradients(X, LABELS).grads))
    assert ": given " in said and "backward" not in said
    assert "topmost wrong: fc2.weight; suspect tanh2 or fc3" in said and "without gradients= tells" in said


def test_a_layer_alone_is_told_the_factor():
    said = str(error_of(MeanLinear(5, 2, **MAKE)))
    assert said.endswith("weight and bias: 6 times too small everywhere: averaged over the batch of 6?")
    assert "suspect" not in said and "wrong/compared: weight 10/10, bias 2/2" in said
    assert "everywhere" not in str(error_of(OneWrong(5, 2, **MAKE)))
    assert "input: 1.01 times too large everywhere" in str(error_of(SteepTanh()))


@pytest.mark.parametrize("factor, words", [
    (1 / 6, "6 times too small everywhere: averaged over the batch of 6?"),
    (6.0, "6 times too large everywhere: summed over the batch of 6?"),
    (0.5, "2 times too small everywhere"),
    (-1.0, "of the wrong sign everywhere"),
    (-2.0, "of the wrong sign and 2 times too large everywhere"),
    (0.0, "zero everywhere"),
])
def test_words_for_a_factor(factor, words):
    numerical = np.random.default_rng(3).normal(size=20)
    assert common_factor(factor * numerical, numerical) == pytest.approx(factor, rel=1e-12)
    assert factor_words(factor, 6) == words


@pytest.mark.parametrize("given, numerical", [
    ([1.0, 2.0], [1.0, 2.0]), ([1.0, 2.0], [2.0, 2.0]), ([2.0], [1.0]), ([1.0, 1.0], [0.0, 0.0]),
    ([1.0, np.nan], [2.0, 2.0]), ([np.inf, 1.0], [2.0, 2.0]), ([2.0, 0.1], [1.0, 0.0]), ([], []),
], ids=str)
def test_no_factor_where_there_is_none(given, numerical):
    assert common_factor(np.array(given), np.array(numerical)) is None


def test_a_batch_of_one_is_no_batch():
    assert factor_words(1.5, 1) == "1.5 times too large everywhere"


def test_the_way_down_to_a_layer():
    net = networks.Network([layers.Linear(5, 6, **MAKE), layers.Residual([layers.Tanh(), layers.Linear(6, 6, **MAKE)],
                                                                         [layers.Linear(6, 6, **MAKE)]), layers.Tanh()])
    for name, way in [("fc1", ["block1", "tanh1"]), ("block1.tanh1", ["block1.fc1", "block1", "tanh1"]),
                      ("block1.fc2", ["block1", "tanh1"]), ("tanh1", [])]:
        assert [layer.name for layer in layers_above(net.layers, name)] == way
    assert layers_above(net.layers, "fc9") is None


def test_an_error_survives_a_trip_to_another_process():
    error = error_of(tower(SteepTanh()), LABELS)
    again = pickle.loads(pickle.dumps(error))
    assert str(again) == str(error) and vars(again) == vars(error) and again.wrong

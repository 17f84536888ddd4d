"""The gradient checker itself: its numbers, what it refuses, what it tells apart, and that it leaves no trace."""

import copy
import math
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedbackalign import check, layers, networks, rules
from feedbackalign.check import truths
from feedbackalign.check.gradients import GradientError, check_gradients, numerical_gradient
from feedbackalign.rules.feedback_alignment import FeedbackAlignment
from tests.strategies import generators, networks_with_batch


# ---------------------------------------------------------------------------------------------- central differences

@given(st.lists(st.integers(1, 4), min_size=1, max_size=3), generators())
def test_of_a_known_function(shape, rng):
    a, v = rng.normal(size=shape), rng.normal(size=shape)
    before = v.copy()
    slopes = numerical_gradient(lambda u: float((a * np.sin(u)).sum()), v)
    np.testing.assert_allclose(slopes, a * np.cos(v), rtol=1e-6, atol=1e-8)
    assert np.array_equal(v, before)


def test_of_the_entries_asked_for_in_any_order_in_memory():
    for v in (np.arange(6.0).reshape(2, 3), np.asfortranarray(np.arange(6.0).reshape(2, 3))):
        slopes = numerical_gradient(lambda u: float((u**2).sum()), v, entries=[5, 1])
        np.testing.assert_allclose(slopes, [10.0, 2.0], rtol=1e-8)


def test_the_array_is_put_back_even_if_the_function_raises():
    v = np.ones(3)

    def fails(u):
        raise ZeroDivisionError
    with pytest.raises(ZeroDivisionError):
        numerical_gradient(fails, v)
    assert (v == 1).all()


@pytest.mark.parametrize("array", [np.ones(3, np.float32), np.ones(3, int), [1.0], 1.0])
def test_anything_but_float64_is_refused(array):
    with pytest.raises(TypeError, match="array: expected a float64 array, got"):
        numerical_gradient(float, array)


# ---------------------------------------------------------------------------------------------- what is let through

def test_a_right_layer_and_its_report():
    layer = layers.Linear(3, 2, rng=np.random.default_rng(0))
    report = check_gradients(layer, np.random.default_rng(1).normal(size=(4, 3)))
    assert report.compared == 6 + 2 + 12 and report.across_kinks == 0 and report.worst < 1e-6


@given(networks_with_batch(max_batch=2))
def test_networks_are_checked_with_and_without_their_loss(case):
    net, x, labels, rng = case
    check_gradients(net, x, rng=rng)
    check_gradients(net, x, labels, rng=rng)


def test_float32_subjects_are_checked_in_float64_and_left_alone():
    net = networks.digits_conv(rng=np.random.default_rng(0))
    x = np.random.default_rng(1).normal(size=(2, 1, 8, 8)).astype(np.float32)
    net.forward(x)
    before = copy.deepcopy({name: vars(layer) for name, layer in ((layer.name, layer) for layer in net.layers)})
    check_gradients(net, x, np.array([3, 4]), limit=40)
    for layer in net.layers:
        for key, value in vars(layer).items():
            same = np.array_equal(value, before[layer.name][key]) if isinstance(value, np.ndarray) else True
            assert same, f"{layer.name}.{key}"
    assert net.dtype == np.float32


def test_large_arrays_are_sampled():
    layer = layers.Linear(60, 50, rng=np.random.default_rng(0))
    report = check_gradients(layer, np.random.default_rng(1).normal(size=(2, 60)), limit=100)
    assert report.compared == 100 + 50 + 100


def test_the_gradients_of_a_rule():
    """Backprop's own pass; feedback alignment's is refused unless B = W."""
    net = networks.mlp([4, 3, 3, 2], activation="tanh", rng=np.random.default_rng(0), dtype=np.float64)
    x, labels = np.random.default_rng(1).normal(size=(5, 4)), np.array([0, 1, 1, 0, 1])
    fa = rules.make("fa", net, rng=np.random.default_rng(2))
    with pytest.raises(GradientError, match=r"^fc2\.\w+\[.*: given .*, central differences say"):
        check_gradients(net, x, labels, gradients=fa.gradients(x, labels).grads)
    fa.match_to_backprop()
    assert check_gradients(net, x, labels, gradients=fa.gradients(x, labels).grads).worst < 1e-6


# ---------------------------------------------------------------------------------------------- what is told apart

def test_entries_across_a_kink_are_told_apart_and_all_others_compared():
    x = np.random.default_rng(0).normal(size=(4, 5))
    x[0, 0], x[1, 1], x[2, 2] = 0.0, 1e-6, -1e-6                            # all within h of the kink
    report = check_gradients(layers.ReLU(), x)
    assert report.across_kinks == 3 and report.compared == 17


def test_ties_of_a_pooling_are_told_apart():
    x = np.arange(16.0).reshape(1, 1, 4, 4)
    x[0, 0, 0, 0] = x[0, 0, 1, 1]                                           # a tie of two in the first window
    report = check_gradients(layers.MaxPool2d(2), x)
    assert report.across_kinks == 2 and report.compared == 14


def test_a_wrong_slope_next_to_kinks_does_not_slip_through():
    class Wrong(layers.ReLU):
        def backward(self, error):
            return 2.0 * super().backward(error)
    x = np.zeros((4, 5))
    x[3, 4] = 0.5
    with pytest.raises(GradientError, match="19 of 20 entries lie at kinks"):
        check_gradients(Wrong(), x)
    x[1:] = 0.5
    with pytest.raises(GradientError, match="15 of the 15 entries compared are wrong"):
        check_gradients(Wrong(), x)


# ---------------------------------------------------------------------------------------------- what is refused

def changed_at(index, by):
    class Off(layers.Linear):
        def outer(self, signal, x=None):
            gradient = super().outer(signal)
            gradient[index] += by
            return gradient
    return Off(3, 2, rng=np.random.default_rng(0), dtype=np.float64)


@pytest.mark.parametrize("index", list(np.ndindex(2, 3)))
@pytest.mark.parametrize("by", [1.0, 1e-4, -1e-4, np.nan, np.inf])
def test_one_wrong_entry_is_found_and_named(index, by):
    with pytest.raises(GradientError) as caught:
        check_gradients(changed_at(index, by), np.random.default_rng(1).normal(size=(4, 3)))
    error = caught.value
    assert error.where == f"weight[{index[0]}, {index[1]}]" and error.where in str(error)
    assert "1 of the 6 entries compared are wrong" in str(error)
    if math.isfinite(by):
        assert error.given - error.numerical == pytest.approx(by, abs=1e-8)


def test_a_gradient_of_another_shape_is_named():
    class Flat(layers.Linear):
        def outer(self, signal, x=None):
            return super().outer(signal).ravel()
    with pytest.raises(GradientError, match=r"weight: expected a gradient of shape \(2, 3\), backward gave .* \(6,\)"):
        check_gradients(Flat(3, 2, rng=np.random.default_rng(0)), np.ones((4, 3)))


def test_a_gradient_that_is_missing_is_named():
    class Silent(layers.Linear):
        def local_gradients(self, error):
            return {"weight": self.outer(error)}
    with pytest.raises(GradientError, match="bias: backward gave none"):
        check_gradients(Silent(3, 2, rng=np.random.default_rng(0)), np.ones((4, 3)))


class KeepsItsFirst(layers.Linear):
    """Remembers the first batch for ever."""

    def forward(self, x, training=True):
        first = x if self.input is None else self.input
        y = super().forward(x, training)
        self.input = first
        return y


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("met_before", [False, True])
def test_a_memory_that_never_changes_is_found_whatever_the_seed_of_x(seed, met_before):
    x = np.random.default_rng(seed).normal(size=(4, 3))
    for rng in (None, np.random.default_rng(seed)):
        layer = KeepsItsFirst(3, 2, rng=np.random.default_rng(9), dtype=np.float64)
        if met_before:
            layer.forward(x)
        with pytest.raises(GradientError, match="weight 6/6"):
            check_gradients(layer, x, rng=rng)


@pytest.mark.parametrize("x", [np.zeros((1, 3)), np.ones((2, 3)), np.full((2, 3), 1e9),
                               np.array([[1.0, 2.0, 1.0]])], ids=["zeros", "ones", "large", "the same backwards"])
def test_the_batch_before_is_another_one(x):
    first = []

    class Watched(layers.Identity):
        def forward(self, x, training=True):
            first.append(x.copy())
            return super().forward(x, training)
    check_gradients(Watched(), x, rtol=1.0)
    assert first[0].shape == x.shape and np.isfinite(first[0]).all()
    assert (np.abs(first[0] - x) > 1e-3 * np.abs(x).max()).all()


@pytest.mark.parametrize("direction", ["forward", "backward"])
@pytest.mark.parametrize("inside", [False, True], ids=["alone", "in a network"])
def test_a_pass_that_returns_nothing_is_named(direction, inside):
    class Silent(layers.Tanh):
        pass

    def forgets(self, *given):
        getattr(layers.Tanh, direction)(self, *given)
    setattr(Silent, direction, forgets)
    subject = Silent()
    if inside:
        make = {"rng": np.random.default_rng(0), "dtype": np.float64}
        subject = networks.Network([layers.Linear(3, 4, **make), subject, layers.Linear(4, 2, **make)])
    with pytest.raises(GradientError, match=rf"^Silent\.{direction} \(tanh1?\) returned None, expected"):
        check_gradients(subject, np.ones((2, 3)))


def test_gradients_in_float32_are_refused():
    net = networks.mlp([3, 2], rng=np.random.default_rng(0))
    x, labels = np.ones((2, 3)), np.array([0, 1])
    gradients = rules.make("bp", net).gradients(x, labels).grads
    with pytest.raises(TypeError, match=r"expected float64 arrays, got float32 for fc1.weight.*call network.astype"):
        check_gradients(net, x, labels, gradients=gradients)


def test_it_is_an_assertion_error():
    assert issubclass(GradientError, AssertionError)


def test_a_layer_without_a_backward_says_so():
    class OneWay(layers.Layer):
        def forward(self, x, training=True):
            return x
    with pytest.raises(NotImplementedError, match=r"OneWay does not say how an error passes .* write backward\(error"):
        check_gradients(OneWay(), np.ones((2, 3)))
    with pytest.raises(NotImplementedError, match=r"Layer does not say what it answers: write forward\("):
        check_gradients(layers.Layer(), np.ones((2, 3)))


LAYER, NET = (make(np.random.default_rng(0)) for make in (lambda rng: layers.Linear(3, 2, rng=rng),
                                                          lambda rng: networks.mlp([3, 2], rng=rng)))


@pytest.mark.parametrize("error, arguments, options, message", [
    (TypeError, ("fc1", np.ones((2, 3))), {}, "subject: expected a layer or a network.*got 'fc1'"),
    (ValueError, (LAYER, np.ones((2, 3)), np.array([0, 1])), {}, "targets: a layer has no loss"),
    (ValueError, (NET, np.ones((2, 3))), {"gradients": {}}, "gradients: expected targets with them"),
    (TypeError, (LAYER, [[1.0, 2.0, 3.0]]), {}, "x: expected a float32 or float64 array"),
    (TypeError, (LAYER, np.ones((2, 3), int)), {}, "x: expected a float32 or float64 array"),
    (ValueError, (LAYER, np.ones((2, 4))), {}, r"input of fc: expected shape \(N, 3\)"),
    (ValueError, (LAYER, np.ones((2, 3))), {"limit": 0}, "limit: expected an integer of at least 1, got 0"),
    (TypeError, (NET, np.ones((2, 3)), np.array([0.0, 1.0])), {}, "targets: expected an integer array"),
    (GradientError, (NET, np.ones((2, 3)), np.array([0, 1])), {"gradients": {}}, "fc1.weight: given none"),
])
def test_bad_arguments(error, arguments, options, message):
    with pytest.raises(error, match=message):
        check_gradients(*arguments, **options)


# ---------------------------------------------------------------------------------------------- everything at once

@pytest.mark.slow
def test_run_passes_everywhere_and_repeats_itself():
    layer_rows = list(check.run(rules=[], seed=0))
    some = ["bp", "fa", "usf", "wm", "kp", "pfa", "np", "ep", "dtp", "gnt", "dfc-ssa"]          # slow: all
    rows = list(check.run(rules=some, seed=0))
    assert [row["what"] for row in layer_rows + rows if not row["passed"]] == []
    again = list(check.run(rules=["bp", "fa"], seed=0))
    assert again == rows[:len(again)]
    for row in layer_rows + rows:
        assert set(row) == {"what", "value", "tolerance", "passed"} and type(row["value"]) is float
        assert type(row["passed"]) is bool and type(row["tolerance"]) is float
    assert {row["what"].split(":")[0] for row in rows} == set(some)             # what was asked for, alone
    assert "gradient of Linear(5, 4)" in {row["what"] for row in layer_rows}


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(6))
def test_run_passes_for_all_rules(seed):
    rows = list(check.run(seed=seed))
    assert [row["what"] for row in rows if not row["passed"]] == []
    assert set(rules.TABLE) <= {row["what"].split(":")[0] for row in rows}


def test_run_takes_a_class():
    class Mine(FeedbackAlignment):
        """A rule of one's own."""
    told = [row["what"] for row in check.run(rules=[Mine])]
    assert any(what.startswith("Mine: matches_backprop") and what.endswith("convolutional") for what in told)


class LyingTargets(rules.TargetRule):
    """Reads W on the way down, and says that it does not."""

    def moves(self, seen, top):
        found = []
        for stage in reversed(self.stages[1:]):
            top = top @ self.network.layer(stage.name).weight
            found.append(top)
        return found[::-1]


class HonestTargets(LyingTargets):
    reads_forward_weights = "yes"


class ShapelessTargets(rules.TargetRule):
    def moves(self, seen, top):
        return [top for _ in self.hidden]


class SilentTargets(rules.TargetRule):
    def moves(self, seen, top):
        self.top = top


@pytest.mark.parametrize("kind, failed", [
    (LyingTargets, "reads_forward_weights = 'no': what goes down is unchanged when W becomes noise"),
    (HonestTargets, None),
    (ShapelessTargets, r"ValueError: ShapelessTargets.moves: expected arrays of shapes .* got float64 array of shape"),
    (SilentTargets, r"ValueError: SilentTargets.moves: expected arrays of shapes .* got None")])
def test_a_users_target_rule_is_held_to_its_claims(kind, failed):
    rows = list(check.run(rules=[kind, "bp"]))
    wrong = [row["what"] for row in rows if not row["passed"]]
    assert rows[-1]["what"].startswith("bp: ")                          # whoever comes after is checked too
    assert bool(wrong) == (failed is not None) and all(what.startswith(f"{kind.__name__}: ") for what in wrong)
    if failed:
        assert any(re.search(failed, what) for what in wrong), wrong


def test_a_rule_for_dense_layers_alone_is_checked_on_those():
    class DenseOnly(FeedbackAlignment):
        def __init__(self, network, *, rng):
            if any(layer.weight.ndim == 4 for layer in network.weighted_layers()):
                raise ValueError("dense layers only")
            super().__init__(network, rng=rng)
    told = [row["what"] for row in truths.rows([DenseOnly])]
    assert told and not any("convolutional" in what for what in told)


def test_a_rule_that_fits_nothing_says_why():
    class Nowhere(FeedbackAlignment):
        def __init__(self, network, *, rng):
            raise ValueError("fits no network")
    row, = truths.rows([Nowhere])
    assert row["what"] == "Nowhere: matched: ValueError: fits no network" and not row["passed"]


def test_a_failed_gradient_check_is_a_row_too(monkeypatch):
    monkeypatch.setattr(layers.Tanh, "backward", lambda self, error: error)
    failed = [row for row in check.run(rules=[]) if not row["passed"]]
    assert failed[0]["what"] == "gradient of Tanh()" and failed[0]["value"] > 0.1
    assert any("cross-entropy of Network" in row["what"] for row in failed)


def test_kinks_inside_a_residual_block_are_told_apart():
    x = np.random.default_rng(0).normal(size=(4, 5))
    x[0, 0] = 1e-6
    report = check_gradients(layers.Residual([layers.ReLU()]), x)
    assert report.across_kinks == 1 and report.compared == 19


def test_kinks_at_every_step_of_a_flow_are_told_apart():
    flow = layers.MatrixFlow(3, 2, rng=np.random.default_rng(0), dtype=np.float64)
    x = np.random.default_rng(1).normal(size=(4, 3))
    x[0] = flow.W0.T @ [1e-6, 1.0, 1.0]                                 # the first unit at its kink, in the first step
    report = check_gradients(flow, x)
    assert 1 <= report.across_kinks <= 3 and report.compared >= 27


def test_a_rule_that_is_not_known_is_refused():
    with pytest.raises(ValueError, match="unknown rule 'pfo': did you mean 'pfa"):
        list(truths.rows(["pfo"]))


def test_a_row_that_must_exceed():
    assert not truths.row("a change", 0.0, 0.0, at_least=True)["passed"]
    assert not truths.row("a gap", float("nan"), 1.0)["passed"]
    assert not truths.row("a change", float("nan"), 1.0, at_least=True)["passed"]
    assert "ABOVE" in truths.row("a change", 1.0, 0.0, at_least=True)["what"]


class LowRank(FeedbackAlignment):
    """Claims to match backprop, through feedback of rank 4."""

    def match_to_backprop(self):
        for layer in self.network.weighted_layers():
            flat = layer.weight.reshape(len(layer.weight), -1)
            u, sizes, v = np.linalg.svd(flat, full_matrices=False)
            self.B[layer.name][...] = ((u[:, :4] * sizes[:4]) @ v[:4]).reshape(layer.weight.shape)


def test_feedback_of_low_rank_does_not_pass_for_backprop():
    failed, = (row["what"] for row in truths.rows([LowRank]) if not row["passed"])
    assert failed == "LowRank: matches_backprop = 'any network': gradients against backprop's once matched, wide dense"


class SignOfError(FeedbackAlignment):
    matches_backprop = "never"

    def send_back(self, layer, error):
        return layer.transport(np.sign(error), self.B[layer.name])


def test_a_way_down_that_is_not_linear_fails_nothing():
    rows = list(truths.rows([SignOfError]))
    assert [row["what"] for row in rows if not row["passed"]] == []
    told = [row for row in rows if "send_back is not linear" in row["what"]]
    assert len(told) == 3 and all(row["value"] > 0.01 for row in told)
    assert not any("feedback_weights in W's place" in row["what"] for row in rows)


def test_a_way_down_that_is_linear_but_another_still_fails():
    class Another(FeedbackAlignment):
        matches_backprop = "never"

        def feedback_weights(self, name):
            return 1.01 * self.B[name]
    failed = [row["what"] for row in truths.rows([Another]) if not row["passed"]]
    assert len(failed) == 3 and all("feedback_weights in W's place" in what for what in failed)


def test_random_feedback_does_not_pass_for_not_linear():
    class Restless(FeedbackAlignment):
        matches_backprop = "never"

        def send_back(self, layer, error):
            return layer.transport(error, layer.draw_weights(self.rng))
    failed = [row["what"] for row in truths.rows([Restless]) if not row["passed"]]
    assert any("feedback_weights in W's place" in what for what in failed)


class NaNAtTheTop(FeedbackAlignment):
    """The gradient of the lowest layer is right, that of the top is NaN."""

    def local_gradients(self, layer, error):
        found = super().local_gradients(layer, error)
        return {key: np.nan * gradient for key, gradient in found.items()} if layer.name == "fc3" else found


class NaNDown(FeedbackAlignment):
    def send_back(self, layer, error):
        return np.nan * super().send_back(layer, error)


@pytest.mark.parametrize("kind, says", [(NaNAtTheTop, "once matched, dense"), (NaNDown, "is unchanged when W becomes")])
def test_numbers_that_are_nan_pass_for_nothing(kind, says):
    failed = [row["what"] for row in truths.rows([kind]) if not row["passed"]]
    assert any(says in what for what in failed), failed


def test_of_several_values_the_largest_counts_and_nan_before_all():
    assert truths.row("gaps", [0.0, 2.0, 1.0], 1.5)["value"] == 2.0
    assert not truths.row("gaps", [0.0, float("nan"), 1.0], 1.5)["passed"]


def test_a_rule_may_read_signs_without_having_them_all():
    class MostSigns(FeedbackAlignment):
        """The signs of W where `keeps` is true, random ones elsewhere."""
        reads_forward_weights, matches_backprop = "signs", "never"

        def __init__(self, network, *, rng):
            super().__init__(network, rng=rng)
            self.keeps = {name: rng.random(B.shape) < 0.8 for name, B in self.B.items()}

        def feedback_weights(self, name):
            B, W = self.B[name], self.network.layer(name).weight
            return np.where(self.keeps[name], np.abs(B) * np.sign(W), B)

        def send_back(self, layer, error):
            return layer.transport(error, self.feedback_weights(layer.name))
    assert [row["what"] for row in truths.rows([MostSigns]) if not row["passed"]] == []

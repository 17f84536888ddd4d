"""What the base leaves open: an update of the rule's own, a part that learns, layers that rules bring."""

import numpy as np
import pytest

import feedbackalign as fa
from feedbackalign import networks, optimizer, rules, training
from feedbackalign.layers import BatchNorm1d, Linear, Tanh
from feedbackalign.layers.base import Layer
from feedbackalign.rules import Backprop, FeedbackAlignment
from feedbackalign.training import DivergedError
from tests.rules.tools import assert_close, frozen
from tests.small_runs import SmallRun, without_times


class ProximalStep(Backprop):
    """W ← (W − η ∂W) / (1 + η λ): the step that a penalty of λ/2 ‖W‖² takes when it is taken at its end."""

    own_step = True

    def __init__(self, network, *, rng=None, eta=0.1, penalty=0.01):
        super().__init__(network, rng=rng)
        self.eta, self.penalty = eta, penalty

    def update(self, optimizer, step):
        for name, array in self.network.parameters().items():
            array -= self.eta * step.grads[name]
            array /= 1 + self.eta * self.penalty


class TopAlone(Backprop):
    """Trains the top layer, on what the first weights of the others make of the input."""

    def learns(self):
        top = self.network.weighted_layers()[-1].name
        return [name for name in self.network.parameters() if name.startswith(f"{top}.")]

    def gradients(self, x, targets):
        step = super().gradients(x, targets)
        step.grads = {name: step.grads[name] for name in self.learns()}
        return step


class Centred(Layer):
    """y = x − running mean + shift: a parameter, and a state of its own."""

    kind = "centred"

    def __init__(self, units):
        super().__init__()
        self.shift = np.zeros(units, dtype=np.float64)
        self.mean = np.zeros(units, dtype=np.float64)

    def forward(self, x, training=True):
        self.input = x
        if training:
            self.mean = 0.9 * self.mean + 0.1 * x.mean(axis=0)
        return (x - self.mean + self.shift).astype(x.dtype)

    def backward(self, error):
        self.gradients = {"shift": error.sum(axis=0)}
        return error

    def parameters(self):
        return {"shift": self.shift}

    def state(self):
        return {"mean": self.mean}

    def known_input_shape(self):
        return self.shift.shape


# ---------------------------------------------------------------------------------------------------- a step of its own

def test_a_step_of_the_rules_own_is_taken_and_the_optimiser_rests():
    run, twin = SmallRun(ProximalStep), SmallRun(ProximalStep)
    x, labels = run.data.batch(5)
    before = {name: array.copy() for name, array in run.network.parameters().items()}
    step = training.train_step(run.rule, run.optimizer, x, labels)
    wanted = {name: (array - 0.1 * step.grads[name]) / (1 + 0.1 * 0.01) for name, array in before.items()}
    assert_close(run.network.parameters(), wanted, 1e-6)
    assert frozen(run.optimizer) == frozen(twin.optimizer)


def test_a_rule_with_its_own_step_has_no_rate_or_decay_in_its_rows():
    run = SmallRun(ProximalStep)
    rows = run.train(epochs=1, lr_at=lambda step: 5.0, decay_at=lambda step: 5.0)
    assert [(row["lr"], row["weight_decay"]) for row in rows] == [(None, None)] * 2
    assert run.optimizer.lr == 0.05 and run.optimizer.weight_decay == 0.01, "schedules do not touch it"
    row = fa.Run(ProximalStep, hidden=(4,), epochs=0, lr=0.3).train()[0]
    assert row["lr"] is row["decay"] is row["decay_at_start"] is row["learning_rate_factor"] is None


def test_a_run_with_a_step_of_its_own_goes_on_to_the_same_bytes(tmp_path):
    whole = SmallRun(ProximalStep)
    rows = whole.train(epochs=3)
    SmallRun(ProximalStep).train(epochs=1, folder=tmp_path)
    rest = SmallRun(ProximalStep)
    assert without_times(rest.train(epochs=3, folder=tmp_path, resume=True)) == without_times(rows)
    assert rest.bytes() == whole.bytes()


def test_an_update_that_leaves_an_array_not_finite_names_it():
    class Broken(ProximalStep):
        def update(self, optimizer, step):
            self.network.parameters()["fc2.weight"][0, 0] = np.inf
    run = SmallRun(Broken)
    with pytest.raises(DivergedError, match="Broken: fc2.weight is no longer finite after the rule's own update"):
        training.train_step(run.rule, run.optimizer, *run.data.batch(4))


def test_a_linear_system_without_solution_is_named_as_divergence():
    class Singular(ProximalStep):
        def update(self, optimizer, step):
            np.linalg.solve(np.zeros((2, 2)), np.ones(2))
    run = SmallRun(Singular)
    with pytest.raises(DivergedError, match="Singular: a linear system has no solution"):
        training.train_step(run.rule, run.optimizer, *run.data.batch(4))


def test_a_run_that_diverges_names_layer_and_array():
    run = SmallRun("bp", opt=optimizer.SGD(1e30))
    with pytest.raises(DivergedError, match=r"the first layer that is not finite is \w+, the first array fc\d\.\w+"):
        run.train(epochs=3)


# ------------------------------------------------------------------------------------------------------ a part learns

def test_what_a_rule_does_not_train_stays_where_it_is():
    run = SmallRun(TopAlone)
    before = {name: array.copy() for name, array in run.network.parameters().items()}
    rows = run.train(epochs=2)
    after = run.network.parameters()
    assert [name for name in after if not np.array_equal(after[name], before[name])] == run.rule.learns()
    assert rows[-1]["train_loss"] < rows[1]["train_loss"]
    assert rows[-1]["update_angle"]["fc1.weight"] is None and rows[-1]["update_angle"]["fc2.weight"] == 0


def test_a_layer_at_rate_0_is_frozen():
    run = SmallRun("fa", opt=optimizer.SGD({"fc1": 0, "fc2": 0.1}, momentum=0.9, weight_decay=0.1))
    before = {name: array.copy() for name, array in run.network.parameters().items()}
    run.train(epochs=1)
    after = run.network.parameters()
    assert [name for name in after if np.array_equal(after[name], before[name])] == ["fc1.weight", "fc1.bias"]


def test_a_run_takes_one_rate_per_layer_scaled_by_milestones_and_factor():
    run = fa.Run("np", hidden=(4,), epochs=2, lr={"fc1": 0.0, "fc2": 0.2}, lr_milestones=(1,), lr_factor=0.5)
    rows = run.train()
    assert [row["lr"]["fc1"] for row in rows] == [0, 0, 0]
    np.testing.assert_allclose([row["lr"]["fc2"] for row in rows], [0.02, 0.02, 0.01], rtol=1e-12)
    assert hash(run) == hash(run.with_seed(0)) and run.settings()["lr"] == {"fc1": 0.0, "fc2": 0.2}
    with pytest.raises(ValueError, match="lr: expected"):
        fa.Run("bp", lr={"fc1": 0.0})


# -------------------------------------------------------------------------------------------- local gradients, the top

class HalfGradient(FeedbackAlignment):
    """Halves every local gradient; even the top layer's is then not backprop's."""

    top_layer_is_exact = False

    def local_gradients(self, layer, error):
        return {key: gradient / 2 for key, gradient in layer.local_gradients(error).items()}


def test_local_gradients_are_the_rules_to_change():
    run = SmallRun(HalfGradient)
    x, labels = run.data.batch(5)
    whole = FeedbackAlignment(run.network, rng=np.random.default_rng(0))
    for layer in run.network.weighted_layers():
        whole.set_feedback(layer.name, B=run.rule.B[layer.name])
    halves = {name: gradient / 2 for name, gradient in whole.gradients(x, labels).grads.items()}
    assert_close(run.rule.gradients(x, labels).grads, halves)


# ---------------------------------------------------------------------------------------------- layers that rules bring

def centred_network():
    rng = np.random.default_rng(0)
    return networks.Network([Centred(4), Linear(4, 5, rng=rng, dtype=np.float64), Tanh(),
                             Linear(5, 3, rng=rng, dtype=np.float64)])


@pytest.mark.parametrize("name", ["bp", "fa", "dfa", "usf", "pfa", "wm"])
def test_a_layer_below_the_lowest_weights_gets_its_gradient(name):
    network = centred_network()
    rule = rules.make(name, network, rng=np.random.default_rng(1))
    x, labels = np.random.default_rng(2).normal(size=(6, 4)), np.array([0, 1, 2, 0, 1, 2])
    step = rule.gradients(x, labels)
    assert set(network.parameters()) <= set(step.grads)
    down = rule.send_back(network.layer("fc1"), step.errors["fc1"])
    np.testing.assert_allclose(step.grads["centred1.shift"], down.sum(axis=0), rtol=1e-12)
    if name == "bp":
        assert_close(step.grads, network.backward(rule.output_error), 1e-12)


def test_batch_norm_below_the_lowest_weights_learns():
    rng = np.random.default_rng(0)
    network = networks.Network([BatchNorm1d(4), Linear(4, 5, rng=rng), Tanh(), Linear(5, 3, rng=rng)])
    rule = rules.make("fa", network, rng=rng)
    before = network.layer("bn1").bias.copy()
    run = SmallRun("fa")
    training.train_step(rule, optimizer.SGD(0.1), *run.data.batch(6))
    assert not np.array_equal(before, network.layer("bn1").bias)


def test_the_state_of_a_layer_is_saved_and_resumed(tmp_path):
    def run(epochs, **where):
        network = centred_network()
        rule = rules.make("fa", network, rng=np.random.default_rng(1))
        rows = training.train(rule, SmallRun("bp").data, optimizer.SGD(0.05, momentum=0.9), epochs=epochs, batch_size=4,
                              rng=np.random.default_rng(3), **where)
        return without_times(rows), {**network.parameters(), **network.state()}

    rows, arrays = run(3)
    run(1, folder=tmp_path)
    again, resumed = run(3, folder=tmp_path, resume=True)
    assert again == rows and arrays["centred1.mean"].any()
    assert all(np.array_equal(resumed[name], array) for name, array in arrays.items())


def test_a_first_layer_that_knows_its_input_tells_the_network():
    assert centred_network().input_shape == (4,)


def test_notes_do_not_hide_what_was_measured():
    class Loud(FeedbackAlignment):
        def notes(self):
            return {"test_accuracy": 7.0, "mood": "good"}
    row = SmallRun(Loud).train(epochs=0)[0]
    assert row["test_accuracy"] <= 1 and row["mood"] == "good"


def test_feedback_weights_in_another_shape_are_refused_by_name():
    class Transposed(FeedbackAlignment):
        def feedback_weights(self, name):
            return self.B[name].T
    with pytest.raises(ValueError, match=r"Transposed.feedback_weights\('fc1'\): expected W's shape \(5, 4\), got"):
        fa.alignment.weight_angles(SmallRun(Transposed).rule)

"""The loop and its record: what a row says, when hooks are called, how a run ends that goes wrong."""

import functools
import json
import math

import numpy as np
import pytest

from feedbackalign import alignment, layers, networks, optimizer, rules, training
from feedbackalign.data import Batches, Dataset, Split
from feedbackalign.rules import TABLE, Rule, Step
from feedbackalign.training import record
from feedbackalign.training.loop import train_step
from feedbackalign.training.record import DivergedError, evaluate, first_not_finite, read_record
from tests.small_runs import SmallRun, classification, regression, without_times

FIELDS = ("rule", "seed", "epoch", "train_loss", "test_loss", "test_accuracy", "reference", "update_angle",
          "backprop_angle", "weight_angle", "norm_ratio", "seconds")
every_rule = pytest.mark.parametrize("name", TABLE)


# --------------------------------------------------------------------------------------------------------- the rows

@every_rule
def test_a_row_says_what_it_should(name):
    run = SmallRun(name)
    claim, claimed = next(iter(run.rule.references(*run.data.batch(4)).items()))
    rows = run.train(epochs=2, about={"seed": 7})
    assert [row["epoch"] for row in rows] == [0, 1, 2]
    for row in rows:
        assert set(FIELDS) <= set(row)
        assert (row["rule"], row["seed"], row["reference"]) == (name, 7, claim)
        assert list(row["update_angle"]) == list(claimed)
        if claim == "backprop" or "backprop" not in run.rule.references(*run.data.batch(4)):
            assert row["backprop_angle"] == (row["update_angle"] if claim == "backprop" else None)
        else:
            assert list(row["backprop_angle"]) == list(row["update_angle"])
        assert set(row["weight_angle"]) == set(row["norm_ratio"]) <= {layer.name for layer in run.network.layers}
        assert 0 <= row["test_accuracy"] <= 1
        assert json.loads(json.dumps(row, allow_nan=False)) == row
    assert rows[0]["train_loss"] is None and rows[0]["step"] == 0
    assert rows[2]["step"] == 6 and rows[2]["train_loss"] > 0 and rows[2]["seconds"] > 0


def test_row_zero_is_measured_before_the_first_step():
    run, untouched = SmallRun("fa"), SmallRun("fa")
    row = run.train(epochs=1)[0]
    assert (row["test_loss"], row["test_accuracy"]) == evaluate(untouched.rule, untouched.data.test)
    assert row["weight_angle"] == alignment.weight_angles(untouched.rule)
    x, labels = untouched.data.batch(11)
    assert row["update_angle"] == training.plain(alignment.update_angles(untouched.rule, x, labels))


def test_the_last_row_measures_what_training_left():
    run = SmallRun("kp")
    row = run.train(epochs=2)[-1]
    assert (row["test_loss"], row["test_accuracy"]) == evaluate(run.rule, run.data.test)
    assert row["norm_ratio"] == training.plain(alignment.norm_ratios(run.rule))
    both = alignment.reciprocity(run.rule)
    assert [row["reciprocity"]["fc2"], row["reciprocal_correlation"]["fc2"]] == list(both["fc2"])
    assert row["reciprocity"].keys() == row["reciprocal_correlation"].keys() == both.keys()


def test_the_training_loss_is_the_mean_over_samples_not_over_batches():
    """11 samples in batches of 4 leave a batch of 3: at a vanishing learning rate the mean is the loss itself."""
    run = SmallRun("bp", opt=optimizer.SGD(1e-12))
    rows = run.train(epochs=1)
    assert rows[1]["train_loss"] == pytest.approx(evaluate(run.rule, run.data.train)[0], rel=1e-6)


def test_accuracy_is_none_for_regression():
    rows = SmallRun("fa", data=regression()).train(epochs=2)
    assert all(row["test_accuracy"] is None for row in rows)
    assert rows[2]["test_loss"] < rows[0]["test_loss"]


def test_what_is_undefined_is_none():
    """A zero W has no angle; a rule that sends no error has no weights in W's place."""
    run = SmallRun("fa")
    run.network.layer("fc2").weight[...] = 0
    row = run.train(epochs=0)[0]
    assert row["weight_angle"]["fc2"] is None and row["norm_ratio"]["fc2"] is None
    assert row["backprop_angle"]["fc1.weight"] is None
    assert SmallRun("dfa").train(epochs=0)[0]["weight_angle"] == {}


def test_plain_knows_what_json_does_not():
    value = {1: np.float32(0.5), "nan": np.nan, "inf": [np.float64(np.inf), -math.inf],
             "array": np.array([1.0, np.nan]), "tuple": (np.int64(3), np.bool_(True)), "none": None,
             "text": np.str_("a")}
    assert training.plain(value) == {"1": 0.5, "nan": None, "inf": [None, None], "array": [1.0, None],
                                     "tuple": [3, True], "none": None, "text": "a"}
    json.dumps(training.plain(value), allow_nan=False)


def test_a_rule_with_another_claim_has_both_angles():
    class Halfway(rules.ErrorSendingRule):
        """Claims to approach something that is not backprop."""

        def send_back(self, layer, error):
            return layer.transport(error, layer.weight)

        def references(self, x, targets):
            exact = self.backprop_gradients(x, targets)
            return {"nothing known": {name: -array for name, array in exact.items()}, "backprop": exact}

    class Unmeasured(Halfway):
        def references(self, x, targets):
            return {"its own": self.backprop_gradients(x, targets)}

    row = SmallRun(Halfway).train(epochs=0)[0]
    assert row["rule"] == "Halfway" and row["reference"] == "nothing known"
    assert row["update_angle"]["fc1.weight"] == pytest.approx(180)
    assert row["backprop_angle"]["fc1.weight"] == pytest.approx(0, abs=1e-6)
    assert SmallRun(Unmeasured).train(epochs=0)[0]["backprop_angle"] is None


# --------------------------------------------------------------------------------------------------------- evaluate

@pytest.mark.parametrize("data", [classification(), regression()], ids=["labels", "floats"])
@pytest.mark.parametrize("chunk", [1, 2, 6, 7, 100])
def test_evaluating_in_chunks_is_evaluating_the_whole(data, chunk):
    run = SmallRun("bp", data=data)
    output = run.rule.predict(data.test.x)                                      # (7, 3)
    loss, accuracy = evaluate(run.rule, data.test, chunk=chunk)
    assert loss == pytest.approx(run.network.loss(output, data.test.targets), rel=1e-6)
    right = (output.argmax(axis=1) == data.test.targets).mean() if data.classes else None
    assert accuracy == right


@pytest.mark.parametrize("chunk", [0, -1, 1.5, True])
def test_a_chunk_that_is_no_number_of_samples_is_refused(chunk):
    run = SmallRun("bp")
    with pytest.raises((ValueError, TypeError), match="chunk: expected an integer of at least 1"):
        evaluate(run.rule, run.data.test, chunk=chunk)


def test_a_network_of_large_layers_measures_fewer_samples_at_a_time(monkeypatch):
    """The widest layer of this network has 5 units: of 45 entries, 9 samples; never fewer than 8."""
    run = SmallRun("bp", data=classification(samples=30))
    sizes = []

    def predict(x, predict=run.rule.predict):
        sizes.append(len(x))
        return predict(x)

    monkeypatch.setattr(run.rule, "predict", predict)
    for most, expected in [(45, [9, 9, 9, 3]), (1, [8, 8, 8, 6]), (2**20, [30])]:
        sizes.clear()
        monkeypatch.setattr(record, "MOST_ENTRIES", most)
        evaluate(run.rule, run.data.train)
        assert sizes == expected
    monkeypatch.setattr(record, "MOST_ENTRIES", 45)
    row = SmallRun("fa", data=run.data).train(epochs=0)[0]
    same = SmallRun("fa", data=run.data)
    assert row["update_angle"] == training.plain(alignment.update_angles(same.rule, *run.data.batch(9)))


# ------------------------------------------------------------------------------------------------- steps and hooks

class Counting(rules.ErrorSendingRule):
    """Backprop that writes down when it is called."""

    def __init__(self, network, *, rng):
        super().__init__(network, rng=rng)
        self.calls = []

    def send_back(self, layer, error):
        return layer.transport(error, layer.weight)

    def meet_optimizer(self, opt):
        self.calls.append("meet")

    def gradients(self, x, targets):
        self.calls.append("gradients")
        self.before = self.network.layer("fc1").weight.copy()
        return super().gradients(x, targets)

    def before_training(self, batches):
        self.calls.append(("before", sum(len(x) for x, targets in batches), sum(1 for _ in batches)))

    def after_batch(self, x, targets):
        assert not np.array_equal(self.before, self.network.layer("fc1").weight), "after_batch comes after the update"
        self.calls.append(("batch", len(x)))

    def after_epoch(self, batches):
        self.calls.append(("epoch", sum(len(targets) for x, targets in batches)))


def test_every_hook_is_called_when_it_should_be():
    run = SmallRun(Counting)
    run.train(epochs=2)
    step = ["meet", "gradients"]                        # measuring calls `gradients` too, but of a copy
    epoch = [*step, ("batch", 4), *step, ("batch", 4), *step, ("batch", 3), ("epoch", 11)]
    assert run.rule.calls == [("before", 11, 3), *epoch, *epoch]


def test_hooks_do_not_move_the_order_of_the_samples():
    class Reader(Counting):
        def after_epoch(self, batches):
            for _ in batches:
                pass

    class Idle(Counting):
        def before_training(self, batches):
            pass

        after_epoch = before_training

    reader, idle = SmallRun(Reader), SmallRun(Idle)
    reader.train()
    idle.train()
    assert all(np.array_equal(a, b) for a, b in zip(reader.network.parameters().values(),
                                                    idle.network.parameters().values()))


def test_a_step_is_gradients_then_one_update_of_network_and_rule():
    run, twin = SmallRun("pfa", route="two-hop"), SmallRun("pfa", route="two-hop")
    x, labels = run.data.batch(5)
    step = train_step(run.rule, run.optimizer, x, labels)
    expected = twin.rule.gradients(x, labels)
    assert step.loss == expected.loss and set(step.grads) == set(expected.grads)
    twin.optimizer.step(twin.network.parameters() | twin.rule.parameters(), expected.grads)
    assert run.bytes() == twin.bytes()
    assert any(name.endswith(".R") for name in run.optimizer.velocity)


@pytest.mark.parametrize("name", ["pfa", "kp", "wm", "brsf"])
def test_synapses_that_do_not_exist_stay_at_zero(name):
    rng = np.random.default_rng(0)
    net = networks.Network([layers.Linear(4, 6, density=0.5, rng=rng), layers.Tanh(), layers.Linear(6, 3, rng=rng)])
    rule = rules.make(name, net, rng=rng, density=0.5)
    opt = optimizer.SGD(0.1, momentum=0.9)
    x, labels = classification().batch(11)
    for _ in range(3):
        train_step(rule, opt, x, labels)
    masks = net.masks() | rule.masks()
    held = net.parameters() | rule.parameters() | rule.plastic()
    assert "fc1.weight" in masks and len(masks) == 3
    for key, mask in masks.items():
        assert (held[key][~mask] == 0).all() and (held[key][mask] != 0).any(), key


def test_schedules_are_asked_at_every_step_from_zero_on():
    asked = []

    class Watching(optimizer.SGD):
        def step(self, parameters, gradients):
            asked.append((self.lr, self.weight_decay))
            super().step(parameters, gradients)

    run = SmallRun("bp", opt=Watching(9.0))
    rows = run.train(epochs=2, lr_at=lambda step: 0.1 / (step + 1), decay_at=lambda step: 0.01 * step)
    assert asked == [(0.1 / (step + 1), 0.01 * step) for step in range(6)]
    assert (rows[-1]["lr"], rows[-1]["weight_decay"]) == asked[-1]


def test_progress_and_record_are_told_as_the_run_goes_on():
    news, record = [], []
    run = SmallRun("bp")
    rows = run.train(epochs=2, record=record, progress=lambda item: news.append(dict(item)))
    assert record == rows
    steps = [item for item in news if "steps" in item]
    assert [(item["epoch"], item["step"], item["steps"], item["epochs"]) for item in steps] == [
        (epoch, step, 3, 2) for epoch in (1, 2) for step in (1, 2, 3)]
    assert all(item["loss"] > 0 for item in steps)
    assert [item for item in news if "steps" not in item] == rows
    assert news[0] == rows[0] and news[4] == rows[1] and news[-1] == rows[2]


# ------------------------------------------------------------------------------------------------------ determinism

@functools.cache
def trained(name):
    """(the bytes that a run leaves, its rows)"""
    run = SmallRun(name)
    rows = run.train()
    return run.bytes(), without_times(rows)


@every_rule
def test_the_same_run_twice_gives_the_same_bytes(name):
    again = SmallRun(name)
    rows = again.train()
    assert (again.bytes(), without_times(rows)) == trained(name)


@every_rule
def test_measuring_changes_nothing_along_a_run(name):
    """A run that is measured after every epoch ends where one without any measurement does."""
    bare = SmallRun(name)
    rng = bare.rng
    hook_batches = Batches(bare.data.train, 4, rng=np.random.default_rng(rng.integers(2**63)))  # off the same stream
    bare.rule.before_training(hook_batches)
    for _ in range(3):
        order = rng.permutation(11)
        for start in range(0, 11, 4):
            rows = order[start:start + 4]
            train_step(bare.rule, bare.optimizer, bare.data.train.x[rows], bare.data.train.targets[rows])
        bare.rule.after_epoch(hook_batches)
    assert trained(name)[0] == bare.bytes()


def test_two_rules_see_the_same_batches():
    class First(Counting):
        def after_batch(self, x, targets):
            self.calls.append(x.copy())

    class Second(First):
        def before_training(self, batches):
            self.rng.normal(size=100)
            list(batches)

    runs = [SmallRun(kind) for kind in (First, Second)]
    for run in runs:
        run.train()
    seen = [np.concatenate([call for call in run.rule.calls if isinstance(call, np.ndarray)]) for run in runs]
    np.testing.assert_array_equal(*seen)


# -------------------------------------------------------------------------------------------------------- divergence

def run_that_breaks(spoil, folder, at=4, **options):
    """A run whose network `spoil` is applied to before its step `at`, in the second of its epochs of 3 steps."""
    run = SmallRun("fa", **options)

    def lr_at(step):
        if step == at:
            spoil(run.network)
        return 0.01
    return run.train(folder=folder, lr_at=lr_at)


def spoil_layer(name, value):
    def spoil(network):
        network.layer(name).bias[0] = value
    return spoil


@pytest.mark.parametrize("layer, value", [("fc1", np.nan), ("fc1", np.inf), ("fc2", np.nan), ("fc2", np.inf)])
def test_a_loss_that_is_not_finite_ends_the_run_and_names_the_place(layer, value, tmp_path):
    with pytest.raises(DivergedError, match=f"^fa: the loss became (nan|inf) in epoch 2, step 2; "
                                            f"the first layer that is not finite is {layer}"):
        run_that_breaks(spoil_layer(layer, value), tmp_path)
    assert [row["epoch"] for row in read_record(tmp_path / "record.jsonl")] == [0, 1]


def test_a_loss_may_overflow_where_no_layer_does(tmp_path):
    with pytest.raises(DivergedError, match="every layer is finite, the loss alone is not"):
        run_that_breaks(spoil_layer("fc2", 1e25), tmp_path, data=regression())


def test_an_overflow_between_two_finite_layers_is_found():
    """fc1's weights are finite, what they answer is finite, and fc2 sums it to infinity."""
    def spoil(network):
        network.layer("fc1").bias[...] = 1e30
        network.layer("fc2").weight[...] = 1e30
    with pytest.raises(DivergedError, match="not finite is fc2"):
        run_that_breaks(spoil, None)


def test_the_first_layer_of_a_convolutional_network():
    rng = np.random.default_rng(0)
    net = networks.Network([layers.Conv2d(1, 2, 3, rng=rng), layers.ReLU(), layers.MaxPool2d(2), layers.Flatten(),
                            layers.Linear(18, 3, rng=rng)], input_shape=(1, 8, 8))
    x = rng.normal(size=(5, 1, 8, 8)).astype(np.float32)
    for layer in ("fc1", "conv1"):
        net.layer(layer).bias[0] = np.inf
        with np.errstate(invalid="ignore"):
            net.forward(x)
        assert first_not_finite(net) == f"the first layer that is not finite is {layer}"


def test_a_layer_may_answer_infinity_but_not_nan():
    class Spikes(layers.Tanh):
        kind = "spikes"
        may_answer_infinity = True
        answer = np.inf

        def forward(self, x, training=True):
            self.input = x
            return np.full_like(x, self.answer)

    rng = np.random.default_rng(0)
    spikes = Spikes()
    net = networks.Network([layers.Linear(3, 2, rng=rng), spikes, layers.ReLU(), layers.Linear(2, 2, rng=rng)])
    for spikes.answer, first in ((np.inf, "relu1"), (np.nan, "spikes1")):
        with np.errstate(invalid="ignore"):
            net.forward(np.ones((1, 3), dtype=np.float32))
        assert first_not_finite(net) == f"the first layer that is not finite is {first}"


def test_a_rule_that_makes_no_forward_pass_can_diverge_too():
    class Silent(Rule):
        def gradients(self, x, targets):
            zeros = {name: np.zeros_like(array) for name, array in self.network.parameters().items()}
            return Step(loss=math.nan, grads=zeros)

    with pytest.raises(DivergedError, match="Silent: the loss became nan in epoch 1, step 1; the rule made no forward"):
        SmallRun(Silent).train(epochs=1)


def test_what_breaks_before_the_first_step_is_not_put_down_to_the_learning_rate():
    class Asleep(Rule):
        def before_training(self, batches):
            self.network.layer("fc2").weight[...] = np.inf
            raise np.linalg.LinAlgError("singular")

    class Born(Asleep):
        def before_training(self, batches):
            self.network.layer("fc2").weight[...] = np.inf

    for kind, words in ((Asleep, r"no solution \(singular\); the first array that is not finite is fc2.weight"),
                        (Born, "the first layer that is not finite is fc2, the first array fc2.weight")):
        with pytest.raises(DivergedError, match=f"{words}, before the first step of training$"):
            SmallRun(kind).train(epochs=1)


def test_a_last_step_that_ruins_the_network_ends_the_run_too(tmp_path):
    """The losses of all steps are finite, the parameters after the last one are not."""
    class Ruining(Counting):
        def after_epoch(self, batches):
            self.network.layer("fc2").weight[...] = np.nan

    with pytest.raises(DivergedError, match="Ruining: the test loss became nan after epoch 1, step 3 of the run; "
                                            "the first layer that is not finite is fc2"):
        SmallRun(Ruining).train(epochs=1, folder=tmp_path)
    assert len(read_record(tmp_path / "record.jsonl")) == 1


@pytest.mark.parametrize("name", ["bp", "kp", "pfa", "pfa-o", "wm", "usf"])
def test_a_learning_rate_far_too_large_is_called_that(name):
    run = SmallRun(name, opt=optimizer.SGD(1e20, momentum=0.9))
    with pytest.raises(DivergedError, match="learning rate"):
        run.train(epochs=5)


def test_weights_that_became_nan_are_a_divergence_not_an_assignment():
    """The closed form guards against assigned weights by their norms, and NaN is not equal to itself."""
    run = SmallRun("pfa")
    train_step(run.rule, run.optimizer, *run.data.batch(4))
    run.network.layer("fc1").weight[0, 0] = np.nan
    run.rule.after_batch(*run.data.batch(4))
    assert math.isnan(train_step(run.rule, run.optimizer, *run.data.batch(4)).loss)


# ------------------------------------------------------------------------------------------------------- the record

def test_a_record_is_read_from_lines_and_from_a_summary(tmp_path):
    rows = SmallRun("bp").train(epochs=1, folder=tmp_path)
    assert read_record(tmp_path / "record.jsonl") == rows
    summary = {"settings": {}, "versions": {}, "rows": rows}
    for indent in (None, 2):
        (tmp_path / "summary.json").write_text(json.dumps(summary, indent=indent))
        assert read_record(tmp_path / "summary.json") == rows
    (tmp_path / "one.jsonl").write_text(json.dumps(rows[0]) + "\n")
    assert read_record(tmp_path / "one.jsonl") == rows[:1]
    (tmp_path / "half.jsonl").write_text(json.dumps(rows[0]) + "\n" + json.dumps(rows[1])[:40])
    assert read_record(tmp_path / "half.jsonl") == rows[:1]
    for text in ("", "\n \n"):
        (tmp_path / "none.jsonl").write_text(text)
        assert read_record(tmp_path / "none.jsonl") == []


@pytest.mark.parametrize("text", ["not a record\n{}\n", "[1, 2]\n", "3\n", '{"settings": {}, "rows": [{"ru', "{\n"])
def test_a_record_of_something_else_is_refused_by_line(tmp_path, text):
    (tmp_path / "x.jsonl").write_text(text)
    with pytest.raises(ValueError, match=r"x\.jsonl, line 1: expected one row"):
        read_record(tmp_path / "x.jsonl")


# ---------------------------------------------------------------------------------------------------------- bad input

@pytest.mark.parametrize("change, error, message", [
    ({"epochs": -1}, ValueError, "epochs: expected an integer of at least 0"),
    ({"epochs": 1.5}, TypeError, "epochs"),
    ({"batch_size": 0}, ValueError, "batch_size"),
    ({"batch_size": 12}, ValueError, "batch_size: expected an integer of at least 1 and at most 11, got 12"),
    ({"checkpoint_every": 0}, ValueError, "checkpoint_every"),
    ({"rng": 3}, TypeError, "rng=numpy.random.Generator"),
])
def test_bad_arguments_are_refused_before_any_work(change, error, message):
    run = SmallRun("bp")
    before = run.bytes()
    with pytest.raises(error, match=message):
        run.train(**change)
    assert run.bytes() == before


def test_things_of_the_wrong_kind_are_refused():
    run, data = SmallRun("bp"), classification()
    with pytest.raises(TypeError, match="rule: expected a Rule of"):
        training.train("bp", data, run.optimizer, epochs=1)
    with pytest.raises(TypeError, match="data: expected a Dataset of feedbackalign.data"):
        training.train(run.rule, data.train, run.optimizer, epochs=1)
    for opt in ("sgd", optimizer.SGD, None):
        with pytest.raises(TypeError, match="optimizer: expected one of"):
            training.train(run.rule, data, opt, epochs=1)


def test_data_that_does_not_fit_the_network_is_refused():
    with pytest.raises(ValueError, match="noisy classes wants 2 output units, the network has 3"):
        SmallRun("bp", data=classification(classes=2)).train()
    with pytest.raises(ValueError, match=r"takes samples of shape \(4,\), noisy classes has \(5,\)"):
        SmallRun("bp", data=classification(inputs=5)).train()


def normalising(positions=None):
    """A network with batch normalisation over rows (None), or over images of so many pixels each side."""
    rng = np.random.default_rng(0)
    if positions is None:
        return networks.Network([layers.Linear(4, 3, rng=rng), layers.BatchNorm1d(3), layers.Linear(3, 3, rng=rng)])
    block = layers.Residual([layers.Conv2d(1, 1, 1, rng=rng), layers.BatchNorm2d(1)])
    return networks.Network([block, layers.Flatten(), layers.Linear(positions**2, 3, rng=rng)],
                            input_shape=(1, positions, positions))


@pytest.mark.parametrize("positions, samples, batch_size, fitting", [
    (None, 9, 4, 5), (None, 9, 8, 9), (None, 9, 1, 3), (1, 9, 2, 3), (None, 7, 2, 4), (None, 1, 1, None)])
def test_a_last_batch_of_one_is_refused_where_the_batch_is_normalised(positions, samples, batch_size,
                                                                                      fitting):
    network = normalising(positions)
    x = np.random.default_rng(1).normal(size=(samples, *network.input_shape)).astype(np.float32)
    split = Split(x, np.arange(samples) % 3)
    data = Dataset("few", train=split, validation=None, test=split, classes=3)

    def train(size):
        rule = rules.make("bp", network, rng=np.random.default_rng(2))
        return training.train(rule, data, optimizer.SGD(0.01), epochs=2, batch_size=size)
    told = f"{samples} samples in batches of {batch_size} leave a last batch of 1, over which (block1.)?bn1 has nothing"
    before = {name: array.copy() for name, array in network.parameters().items()}
    with pytest.raises(ValueError, match=told) as error:
        train(batch_size)
    assert all(np.array_equal(before[name], array) for name, array in network.parameters().items())
    if fitting is None:
        assert str(error.value).endswith("there are too few samples")
    else:
        assert str(error.value).endswith(f"; {fitting} would do") and len(train(fitting)) == 3
        assert all((samples - 1) % size == 0 for size in range(batch_size, fitting))


def test_a_last_batch_of_one_image_is_enough():
    network = normalising(2)
    x = np.random.default_rng(1).normal(size=(9, 1, 2, 2)).astype(np.float32)
    split = Split(x, np.arange(9) % 3)
    data = Dataset("few", train=split, validation=None, test=split, classes=3)
    rule = rules.make("bp", network, rng=np.random.default_rng(2))
    assert len(training.train(rule, data, optimizer.SGD(0.01), epochs=1, batch_size=4)) == 2


def test_a_rule_without_gradients_says_so():
    class Empty(Rule):
        pass

    with pytest.raises(NotImplementedError, match="Empty does not say how it finds gradients"):
        SmallRun(Empty).train(epochs=1)


def test_a_rule_that_forgets_a_parameter_is_told_which():
    class Forgetful(Rule):
        def gradients(self, x, targets):
            return Step(loss=1.0, grads={name: np.zeros_like(array) for name, array
                                         in self.network.parameters().items() if name != "fc2.bias"})

    run = SmallRun(Forgetful)
    with pytest.raises(ValueError, match="none came for fc2.bias"):
        train_step(run.rule, run.optimizer, *run.data.batch(4))


def test_one_sample_is_enough():
    split = Split(np.ones((1, 4), np.float32), np.array([2]))
    data = Dataset("one", train=split, validation=None, test=split, classes=3)
    rows = SmallRun("pfa", data=data).train(epochs=3, batch_size=1)
    assert rows[-1]["train_loss"] < rows[1]["train_loss"]

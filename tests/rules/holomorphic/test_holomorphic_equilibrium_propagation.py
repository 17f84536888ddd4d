"""`hep` as a rule: its modes, its reference, its record, what it refuses, and that it trains like any other."""

import copy

import numpy as np
import pytest

from feedbackalign import alignment, data, layers, rules
from feedbackalign.networks import Network, mlp
from feedbackalign.optimizer import SGD
from feedbackalign.rules.equilibrium.dynamics import settle
from feedbackalign.rules.holomorphic import recurrent_backprop as exact
from feedbackalign.rules.holomorphic import nudging
from feedbackalign.rules.holomorphic.holomorphic_equilibrium_propagation import HolomorphicEP
from feedbackalign.runs.run import Run
from feedbackalign.training.loop import train_step
from tests.rules.holomorphic.cases import conv_case, dense_case, distance, symmetric
from tests.rules.tools import frozen

MODES = ("points", "tangent", "oscillation")
LONG = {"free_steps": 600, "nudged_steps": 400}


def make(net, seed=1, **options):
    return rules.make(HolomorphicEP, net, rng=np.random.default_rng(seed), **options)


def small(dtype=np.float64, activation="dsilu", loss="cross-entropy", sizes=(5, 6, 6, 4), N=4, **options):
    rng = np.random.default_rng(0)
    net = mlp(list(sizes), activation=activation, loss=loss, rng=rng, dtype=dtype)
    return make(net, **options), rng.normal(size=(N, sizes[0])).astype(dtype), rng.integers(sizes[-1], size=N)


def small_conv(dtype=np.float64, **options):
    rng = np.random.default_rng(0)
    with_ = {"rng": rng, "dtype": dtype}
    net = Network([layers.Conv2d(1, 3, 3, padding=1, **with_), layers.AvgPool2d(2), layers.DSiLU(),
                   layers.Conv2d(3, 4, 2, **with_), layers.DSiLU(), layers.Flatten(), layers.Linear(16, 3, **with_)],
                  input_shape=(1, 6, 6))
    return make(net, **options), rng.normal(size=(2, 1, 6, 6)).astype(dtype), np.array([2, 0])


both = pytest.mark.parametrize("case", [small, small_conv], ids=["dense", "conv"])


# --------------------------------------------------------------------------------------------------- the gradients

@both
@pytest.mark.parametrize("mode", MODES)
def test_one_gradient_for_every_parameter_in_its_shape_and_dtype(case, mode):
    for dtype in (np.float32, np.float64):
        rule, x, labels = case(dtype=dtype, mode=mode, radius=0.1)
        step = rule.gradients(x, labels)
        parameters = rule.network.parameters() | rule.parameters()
        assert step.grads.keys() == parameters.keys()
        for name, gradient in step.grads.items():
            assert gradient.shape == parameters[name].shape and gradient.dtype == dtype and np.isfinite(gradient).all()
        assert isinstance(step.loss, float) and step.errors == {} and rule.predict(x).dtype == dtype


@pytest.mark.parametrize("mode", ["points", "tangent", pytest.param("oscillation", marks=pytest.mark.slow)])
@pytest.mark.parametrize("make_case", [pytest.param(dense_case, id="dense"),
                                       pytest.param(conv_case, id="conv", marks=pytest.mark.slow)])
def test_with_symmetric_weights_every_mode_is_the_reference(make_case, mode):
    """Forward weights, feedback weights, biases and readout; the first reference is the rule's claim."""
    case = symmetric(make_case(angle=0.0, mode=mode, radius=0.05, points=8, **LONG))
    rule = case.rule
    grads, references = rule.gradients(case.x, case.labels).grads, rule.references(case.x, case.labels)
    assert list(references) == ["recurrent-backprop"]
    reference = references["recurrent-backprop"]
    assert reference.keys() == (rule.network.parameters() | rule.parameters()).keys()
    for name, expected in reference.items():
        np.testing.assert_allclose(grads[name], expected, rtol=1e-7, atol=1e-9, err_msg=name)
    assert max(alignment.update_angles(rule, case.x, case.labels).values()) <= 1e-4


def test_without_symmetry_no_mode_is_the_reference_below_the_top():
    case = dense_case(angle=90.0, mode="tangent", **LONG)
    angles = alignment.update_angles(case.rule, case.x, case.labels)
    assert angles["fc1.weight"] > 10 and angles["fc4.weight"] <= 1e-4


def test_the_reference_of_a_float32_network_is_that_of_its_float64_copy():
    rule, x, labels = small(dtype=np.float32)
    twin = copy.deepcopy(rule).astype(np.float64)
    first, second = (r.references(x, labels)["recurrent-backprop"] for r in (rule, twin))
    assert all(np.array_equal(first[name], second[name]) and first[name].dtype == np.float64 for name in first)


def test_a_circle_has_points():
    for points in (0, -1):
        with pytest.raises(ValueError, match=f"points: expected an integer of at least 1, got {points}"):
            small(points=points)


@pytest.mark.slow
def test_points_and_oscillation_approach_the_tangent():
    case = dense_case(mode="tangent", **LONG)
    expected = case.rule.gradients(case.x, case.labels).grads
    for options in ({"mode": "points"}, {"mode": "oscillation"}):
        other = dense_case(radius=0.05, points=6, **options, **LONG).rule
        found = other.gradients(case.x, case.labels).grads
        for name in expected:
            np.testing.assert_allclose(found[name], expected[name], rtol=1e-5, atol=1e-8, err_msg=name)


def test_the_gradient_is_made_of_free_activities_and_the_rules_own_deltas():
    rule, x, labels = small(radius=0.1, points=3)
    free, _ = rule.free_phase(x)
    numbers = rule.targets(free, labels)
    estimate = rule.nudged_phases(x, free, numbers)
    by_hand = exact.gradients_of_errors(rule.chain, x, free, estimate.deltas, rule.B)
    by_hand |= exact.readout_gradients(rule.chain, free[-1], numbers)
    grads = rule.gradients(x, labels).grads
    for name in grads:
        np.testing.assert_allclose(grads[name], by_hand[name], rtol=1e-13, atol=1e-15)
    np.testing.assert_allclose(by_hand["fc2.B"], free[1].T @ estimate.deltas[0] / len(x), rtol=1e-13)


def test_every_nudged_phase_starts_from_the_free_state():
    rule, x, labels = small(radius=0.1, points=2, nudged_steps=2)
    free, _ = rule.free_phase(x)
    numbers = rule.targets(free, labels)
    up, down = (settle(rule.chain, x, free, steps=2, beta=-beta, feedback=rule.B, targets=numbers, sweep="synchronous",
                       damping=0.5)[0]
                for beta in (0.1, -0.1))
    found = rule.gradients(x, labels).grads["fc2.bias"]
    np.testing.assert_allclose(found, ((up[1] - down[1]) / 0.2).mean(axis=0), rtol=1e-12)


def test_a_float32_network_settles_in_double_precision():
    """At this radius float32 states would leave three digits."""
    rule, x, labels = small(dtype=np.float32, radius=1e-4, points=2)
    twin = copy.deepcopy(rule).astype(np.float64)
    exact_grads, grads = twin.gradients(x, labels).grads, rule.gradients(x, labels).grads
    for name in grads:
        assert distance([grads[name].astype(np.float64)], [exact_grads[name]]) <= 1e-6, name


@pytest.mark.parametrize("rng", [None, 0, np.random.RandomState(0)])
def test_a_missing_stream_is_refused_with_an_example(rng):
    net = mlp([3, 4, 4, 2], activation="dsilu", rng=np.random.default_rng(0))
    with pytest.raises(TypeError, match=r"hep: expected rng=numpy\.random\.Generator, for example .*default_rng\(0\)"):
        rules.make(HolomorphicEP, net, rng=rng)


def test_without_a_readout_the_output_settles_and_sends_down_by_a_B_of_its_own():
    rule, x, labels = small(readout=False, angle=0.0, mode="tangent", **LONG)
    assert set(rule.B) == {"fc2", "fc3"} and rule.chain.readout is None
    grads, reference = rule.gradients(x, labels).grads, rule.references(x, labels)["recurrent-backprop"]
    for name, expected in reference.items():
        np.testing.assert_allclose(grads[name], expected, rtol=1e-5, atol=1e-7, err_msg=name)


def test_squared_error_and_softmax_pooling_work_too():
    rule, x, labels = small(loss="squared-error", mode="points")
    assert set(rule.B) == {"fc2", "fc3"}                                # the top settles as well
    assert np.isfinite(rule.gradients(x, labels).grads["fc3.B"]).all()
    case = conv_case(pooling="softmax", radius=0.05, points=6, **LONG)
    found = symmetric(case).rule.gradients(case.x, case.labels).grads
    reference = case.rule.references(case.x, case.labels)["recurrent-backprop"]
    for name, expected in reference.items():
        np.testing.assert_allclose(found[name], expected, rtol=1e-6, atol=1e-8, err_msg=name)


# ------------------------------------------------------------------------------------------------- feedback weights

def test_labels_become_rows_with_a_1_and_floats_stay():
    for loss in ("squared-error", "cross-entropy"):
        rule, x, _ = small(loss=loss)
        assert np.array_equal(rule.targets(rule.free_phase(x)[0], np.array([1, 0, 3, 1])), np.eye(4)[[1, 0, 3, 1]])
    rule, x, _ = small(loss="squared-error")
    floats = np.linspace(-1, 2, 16).reshape(4, 4)
    assert np.array_equal(rule.targets(rule.free_phase(x)[0], floats), floats)


def test_the_angle_of_the_start():
    for degrees in (0.0, 30.0, 90.0):
        rule, _, _ = small(sizes=(40, 60, 60, 60, 10), angle=degrees)
        for name, found in alignment.weight_angles(rule).items():
            expected = {"fc4": 0.0}.get(name, degrees)                  # the readout carries the nudge by itself
            assert abs(found - expected) <= 3, (degrees, name)
    assert "fc1" not in alignment.weight_angles(rule)                   # the lowest layer sends nothing


def test_B0_has_the_fan_in_of_the_way_down():
    rng = np.random.default_rng(0)
    net = mlp([10, 400, 25, 3], activation="dsilu", init="kaiming-normal", rng=rng)
    B = make(net).B["fc2"]
    assert B.shape == net.layer("fc2").weight.shape == (25, 400)
    assert abs(B.std() / np.sqrt(2 / 25) - 1) < 0.05 and B.flags.c_contiguous


def test_a_convolutions_B0_has_the_fan_in_of_W_as_the_authors_draw_it():
    make_layer = {"rng": np.random.default_rng(0), "init": "kaiming-normal"}
    net = Network([layers.Conv2d(1, 8, 3, padding=1, **make_layer), layers.DSiLU(),
                   layers.Conv2d(8, 64, 3, padding=1, **make_layer), layers.DSiLU(), layers.Flatten(),
                   layers.Linear(576, 2, **make_layer)], input_shape=(1, 3, 3))
    W, B = net.layer("conv2").weight, make(net).B["conv2"]
    assert B.shape == W.shape == (64, 8, 3, 3)
    assert abs(B.std() / np.sqrt(2 / 72) - 1) < 0.05 and abs(np.corrcoef(B.ravel(), W.ravel())[0, 1]) < 0.06


def test_at_zero_degrees_B_is_a_copy_of_W_and_learns_apart():
    rule, x, labels = small(angle=0.0)
    W = rule.network.layer("fc2").weight
    assert np.array_equal(rule.B["fc2"], W) and not np.shares_memory(rule.B["fc2"], W)
    for _ in range(3):
        train_step(rule, SGD(lr=0.5), x, labels)
    assert not np.array_equal(rule.B["fc2"], W)


def test_feedback_can_be_set_and_is_given_to_the_optimiser():
    rule, _, _ = small()
    new = np.random.default_rng(5).normal(size=rule.B["fc2"].shape)
    rule.set_feedback("fc2", B=new)
    assert np.array_equal(rule.parameters()["fc2.B"], new)
    assert np.array_equal(rule.feedback_weights("fc2"), new) and rule.feedback_weights("fc1") is None


def test_synapses_that_do_not_exist_do_not_come_to_be():
    rng = np.random.default_rng(0)
    dense = {"rng": rng, "dtype": np.float64}
    net = Network([layers.Linear(4, 6, **dense), layers.DSiLU(), layers.Linear(6, 6, density=0.5, **dense),
                   layers.DSiLU(), layers.Linear(6, 3, **dense)])
    rule = make(net)
    for _ in range(2):
        train_step(rule, SGD(lr=0.1, momentum=0.9), rng.normal(size=(3, 4)), np.array([0, 1, 2]))
    mask = net.layer("fc2").mask
    assert (rule.B["fc2"][~mask] == 0).all() and (rule.B["fc2"][mask] != 0).all()


# ------------------------------------------------------------------------------------------------ measuring, record

@both
@pytest.mark.parametrize("mode", MODES)
def test_measuring_changes_nothing(case, mode):
    rule, x, labels = case(mode=mode, dtype=np.float32)
    train_step(rule, SGD(lr=0.1), x, labels)
    before, probe = frozen(rule), x[::-1].astype(np.float64) + 0.2
    for look in (rule.references, rule.trace, lambda x, t: alignment.update_angles(rule, x, t),
                 lambda x, t: rule.predict(x), lambda x, t: rule.notes(), lambda x, t: rule.state()):
        first, again = look(probe, labels), look(probe, labels)
        assert frozen(rule) == before
        assert repr(first) == repr(again)


@pytest.mark.parametrize("mode", MODES)
def test_notes_tell_how_the_phases_settled_and_the_defect(mode):
    rule, x, labels = small(mode=mode, radius=1.0, points=2)
    assert "free_residual_median" not in rule.notes()
    for _ in range(3):
        rule.gradients(x, labels)
    rule.after_epoch(None)
    notes = rule.notes()
    assert notes["activation"] == "dsilu" and notes["mode"] == mode
    assert 0 <= notes["free_residual_median"] <= notes["free_residual_largest"] < 1e-2
    assert notes["nudged_not_settled"] == 0
    if mode == "tangent":
        assert not any("defect" in key for key in notes) and "not_to_be_trusted" not in notes
    else:
        assert notes["mean_value_defect_largest"] > 1e-2
        assert notes["not_to_be_trusted"].startswith("radius 1 with N = 2: mean-value defect")
    rule.gradients(x, labels)
    assert rule.notes() == notes and len(rule.residuals.running["free"]) == 1
    assert all(isinstance(value, (str, int, float)) for value in notes.values())


def test_a_good_circle_raises_no_doubt():
    rule, x, labels = small(radius=0.1, points=6)
    rule.gradients(x, labels)
    rule.after_epoch(None)
    assert rule.notes()["mean_value_defect_largest"] < 1e-4 and "not_to_be_trusted" not in rule.notes()


def test_a_fresh_rule_goes_on_where_the_state_was_kept():
    rule, x, labels = small()
    for _ in range(2):
        train_step(rule, SGD(lr=0.1), x, labels)
    other = make(copy.deepcopy(rule.network), seed=77)
    other.load_state(rule.state())
    for each in (rule, other):
        train_step(each, SGD(lr=0.1), x, labels)
        each.after_epoch(None)
    assert frozen(rule.state()) == frozen(other.state()) and rule.notes() == other.notes()
    assert frozen(rule.network.parameters()) == frozen(other.network.parameters())


def test_the_trace_has_a_row_for_every_phase():
    rule, x, labels = small(radius=0.1, points=4)
    rows = rule.trace(x, labels)
    assert [row["phase"] for row in rows] == ["free", "nudged", "nudged", "nudged", "points"]
    assert [row["beta"] for row in rows[1:4]] == [beta for beta, _ in nudging.half_circle(0.1, 4)]
    assert rows[1]["loss"] > rows[0]["loss"] > rows[3]["loss"]
    assert rows[-1]["mean_value_defect"] < 1e-2 and rows[0]["residual"] < 1e-6
    assert [row["phase"] for row in small(mode="tangent")[0].trace(x, labels)] == ["free", "tangent"]
    assert [row["phase"] for row in small(mode="oscillation")[0].trace(x, labels)] == ["free", "oscillation"]


# ------------------------------------------------------------------------------------------------------ what it takes

def test_a_network_of_soft_clips_settles_with_its_smooth_form_and_says_so():
    rule, x, labels = small(activation="soft-clip")
    smooth, _, _ = small(activation="dsilu")
    assert rule.notes()["activation"] == "dsilu"
    assert frozen(rule.gradients(x, labels).grads) == frozen(smooth.gradients(x, labels).grads)


def test_the_activation_option_takes_the_networks_place():
    net = mlp([5, 6, 6, 4], activation="relu", rng=np.random.default_rng(0))
    assert make(net, activation="tanh").notes()["activation"] == "tanh"


@pytest.mark.parametrize(("network", "options", "says"), [
    ("relu", {}, "relu1 cannot settle"),
    ("hard-sigmoid", {}, r"hard-sigmoid1 after fc1 is not holomorphic.*got 'hard-sigmoid'"),
    ("dsilu", {"activation": "soft-clip"}, "dsilu1 after fc1 is not holomorphic.*got 'soft-clip'"),
    ("dsilu", {"activation": "hard-sigmoid"}, "dsilu1 after fc1 is not holomorphic"),
    ("dsilu", {"points": -1}, "points: expected an integer of at least 1, got -1"),
    ("dsilu", {"points": 0, "mode": "oscillation"}, "points: expected an integer of at least 1, got 0"),
    ("dsilu", {"radius": 1e-10}, r"radius: expected at least 1\.5e-08"),
    ("dsilu", {"radius": 0}, r"radius: expected a finite number in \(0"),
    ("dsilu", {"mode": "cauchy"}, "unknown mode 'cauchy'"),
    ("dsilu", {"damping": 1.0}, r"damping: expected a finite number in \[0, 0.999999\]"),
    ("dsilu", {"angle": 200}, r"angle: expected a finite number in \[0, 180\]"),
    ("dsilu", {"free_steps": 0}, "free_steps: expected an integer of at least 1"),
    ("dsilu", {"nudged_steps": 0}, "nudged_steps: expected an integer of at least 1"),
    ("dsilu", {"periods": 0}, "periods: expected an integer of at least 1"),
    ("dsilu", {"pooling": "mean"}, "unknown pooling 'mean'"),
])
def test_bad_options_are_refused_before_any_work(network, options, says):
    net = mlp([3, 4, 4, 2], activation=network, rng=np.random.default_rng(0))
    with pytest.raises(ValueError, match=says):
        make(net, **options)


def test_max_pooling_is_refused_by_name():
    net = Network([layers.Conv2d(1, 2, 3, rng=np.random.default_rng(0)), layers.MaxPool2d(2), layers.DSiLU(),
                   layers.Flatten(), layers.Linear(8, 2, rng=np.random.default_rng(0))], input_shape=(1, 6, 6))
    with pytest.raises(ValueError, match="pool1 after conv1 is not holomorphic: expected average or softmax pooling"):
        make(net)
    assert "SoftmaxPool2d" in repr(make(net, pooling="softmax").chain.stages[0].pool)


@pytest.mark.parametrize(("spoil", "error", "says"), [
    (lambda x, t: (x[:, :2], t), ValueError, r"x: expected shape \(N, 5\)"),
    (lambda x, t: (x * np.nan, t), ValueError, "x: expected finite numbers"),
    (lambda x, t: (x, t + 9), ValueError, "targets: expected labels from 0 to 3"),
    (lambda x, t: (x, t[:2]), ValueError, "targets: expected shape"),
    (lambda x, t: (x.tolist(), t), TypeError, "x: expected a float32 or float64 array"),
])
def test_bad_batches_are_refused_and_leave_no_trace(spoil, error, says):
    rule, x, labels = small()
    before = frozen(rule)
    with pytest.raises(error, match=says):
        rule.gradients(*spoil(x, labels))
    assert frozen(rule) == before


# ------------------------------------------------------------------------------------------------------- it trains

def test_the_common_run_trains_it():
    rows = Run(HolomorphicEP, model="settling", activation="steep-sigmoid", hidden=(24,), epochs=2, lr=0.1,
               options=(("points", 2), ("free_steps", 30), ("nudged_steps", 15))).train()
    assert rows[-1]["test_accuracy"] > rows[0]["test_accuracy"] + 0.2
    assert rows[-1]["rule"] == "hep" and rows[-1]["reference"] == "recurrent-backprop"
    assert rows[-1]["activation"] == "steep-sigmoid" and rows[-1]["mean_value_defect_median"] > 0
    assert rows[0]["update_angle"].keys() == {"fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias"}


def test_the_same_seed_gives_the_same_bytes():
    first, again = (small(mode="points")[0] for _ in range(2))
    x, labels = data.digits().batch(3)[0][:, :5], np.array([0, 1, 2])
    for rule in (first, again):
        train_step(rule, SGD(lr=0.1), x, labels)
    assert frozen(first) == frozen(again)


def test_more_points_bring_the_gradient_nearer_to_the_tangents():
    case = dense_case(mode="tangent", **LONG)
    expected = list(case.rule.gradients(case.x, case.labels).grads.values())
    errors = []
    for N in (1, 2, 4, 8):
        rule = dense_case(radius=0.3, points=N, **LONG).rule
        errors.append(distance(list(rule.gradients(case.x, case.labels).grads.values()), expected))
    assert all(fewer > 3 * more for fewer, more in zip(errors, errors[1:]))

"""What is exactly true of equilibrium propagation, and what it refuses."""

import copy

import numpy as np
import pytest
from hypothesis import given, settings

from feedbackalign import alignment, data, rules, training
from feedbackalign.networks import mlp
from feedbackalign.optimizer import SGD
from feedbackalign.rules.equilibrium import dynamics
from feedbackalign.rules.equilibrium.equilibrium_propagation import ESTIMATORS, EquilibriumPropagation
from feedbackalign.rules.equilibrium.exact_gradients import truncated_gradients
from tests.rules.equilibrium import cases
from tests.rules.tools import assert_close, frozen

LONG = {"free_steps": 1500, "nudged_steps": 1500}


def make(net, seed=0, **options):
    return rules.make(EquilibriumPropagation, net, rng=np.random.default_rng(seed), **options)


def settled_rule(case, **options):
    """(rule, x, labels) with long phases on a network that settles to 1e-12."""
    net, x, labels = case
    # So fast that the coefficients of the bias are moderate, too.
    cases.settled(net, x, steps=60, readout=options.get("readout", True))
    return make(net, **{**LONG, **options}), x, labels


def errors(case, estimator, betas, names=None, **options):
    """Relative error of the whole gradient to the implicit one, for several β."""
    rule, x, labels = settled_rule(case, estimator=estimator, **options)
    exact = rule.references(x, labels)["implicit"]
    exact = {name: exact[name] for name in names or exact}
    found = []
    for beta in betas:
        rule.beta = beta
        found.append(cases.relative(rule.gradients(x, labels).grads, exact))
    assert max(rule.residuals.running["free"] + rule.residuals.running["nudged"]) <= 1e-12
    return found


# ------------------------------------------------------------------------------------------------------- the bias

@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("unit", ["steep-sigmoid", "tanh"])
def test_the_bias_falls_with_beta_one_sided_and_with_its_square_symmetric(unit, seed):
    """Truth 1: from β = 1e-2 to 1e-3 the error falls 8 to 12 times, and 80 to 120 times."""
    case = cases.dense(unit=unit, top=unit, seed=seed)
    coarse, fine = errors(copy.deepcopy(case), "one-sided", (1e-2, 1e-3))
    assert 8 <= coarse / fine <= 12
    coarse, fine, finest = errors(case, "symmetric", (1e-2, 1e-3, 1e-4))
    assert 80 <= coarse / fine <= 120 and finest < 1e-6


def test_a_hard_units_bias_is_quadratic_once_no_unit_crosses_its_kink():
    case = cases.dense(unit="soft-clip", top="soft-clip", seed=1)
    coarse, fine = errors(case, "symmetric", (1e-3, 1e-4))
    assert 80 <= coarse / fine <= 120 and coarse < 1e-5


@settings(max_examples=12)
@given(case=cases.dense_cases())
def test_with_a_small_nudge_it_is_the_implicit_gradient(case):
    """Of any sizes, units and losses."""
    (error,) = errors(case, "symmetric", (1e-4,))
    assert error < 1e-6


@pytest.mark.parametrize("sizes", [(10, 12, 9, 5), (10, 5)])
def test_the_same_slopes_with_linear_outputs_that_settle_under_cross_entropy(sizes):
    case = cases.dense(sizes, unit="tanh", loss="cross-entropy")
    coarse, fine = errors(copy.deepcopy(case), "one-sided", (1e-2, 1e-3), readout=False)
    assert 8 <= coarse / fine <= 12
    coarse, fine, finest = errors(case, "symmetric", (1e-2, 1e-3, 1e-4), readout=False)
    assert 80 <= coarse / fine <= 120 and finest < 1e-6


@pytest.mark.parametrize("pool", ["max", "average", pytest.param("softmax", marks=pytest.mark.slow), "none"])
@pytest.mark.parametrize("part", ["hidden", "readout"])
def test_the_same_slopes_with_convolutions_pooling_and_a_readout(pool, part):
    """Truth 6."""
    case = cases.image(pool)
    names = [name for name in case[0].parameters() if name.startswith("fc1") == (part == "readout")]
    coarse, fine = errors(copy.deepcopy(case), "one-sided", (1e-2, 1e-3), names)
    assert 8 <= coarse / fine <= 12
    coarse, fine, finest = errors(case, "symmetric", (1e-2, 1e-3, 1e-4), names)
    assert 80 <= coarse / fine <= 120 and finest < 1e-6


@pytest.mark.slow
@settings(max_examples=8)
@given(case=cases.image_cases())
def test_convolutions_with_a_small_nudge_give_the_implicit_gradient(case):
    (error,) = errors(case, "symmetric", (1e-4,))
    assert error < 1e-6


@settings(max_examples=12)
@given(case=cases.dense_cases())
def test_random_sign_is_the_symmetric_estimator_in_expectation(case):
    """Truth 2, identically: the mean over its two signs."""
    rule, x, labels = settled_rule(case, beta=0.3, free_steps=40, nudged_steps=5)
    symmetric = rule.gradients(x, labels).grads
    both = []
    for beta in (0.3, -0.3):
        one = make(rule.network, estimator="one-sided", beta=beta, free_steps=40, nudged_steps=5)
        both.append(one.gradients(x, labels).grads)
    assert_close({name: (both[0][name] + both[1][name]) / 2 for name in symmetric}, symmetric)


def test_random_sign_draws_both_signs_from_its_own_stream():
    net, x, labels = cases.dense(loss="cross-entropy")
    rule = make(net, estimator="random-sign", beta=0.3)
    signed = {sign: make(net, estimator="one-sided", beta=sign * 0.3).gradients(x, labels).grads for sign in (1, -1)}
    seen = []
    for _ in range(20):
        grads = frozen(rule.gradients(x, labels).grads)
        seen.append(next(sign for sign, expected in signed.items() if grads == frozen(expected)))
    assert set(seen) == {1, -1}


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_at_a_loss_of_zero_gradient_nothing_is_learned(estimator):
    """Truth 9, where the free state is stationary to the last bit."""
    rule, x, _ = settled_rule(cases.dense(unit="soft-clip", seed=1), estimator=estimator, beta=0.5)
    targets = rule.predict(x)
    step = rule.gradients(x, targets)
    assert step.loss == 0
    for name, gradient in step.grads.items():
        assert np.abs(gradient).max() <= 1e-15, name


@settings(max_examples=12)
@given(case=cases.dense_cases())
def test_neither_order_nor_copies_of_the_samples_matter(case):
    """Truth 10."""
    net, x, labels = case
    rule = make(net, free_steps=20, nudged_steps=5, beta=0.5)
    grads = rule.gradients(x, labels).grads
    order = np.random.default_rng(0).permutation(len(x))
    assert_close(rule.gradients(x[order], labels[order]).grads, grads)
    assert_close(rule.gradients(np.concatenate([x, x]), np.concatenate([labels, labels])).grads, grads)


def test_phases_may_end_where_all_samples_have_settled(monkeypatch):
    """The same gradient as of phases that go on, from a small part of the steps; every phase is this exact."""
    (net, x, labels), steps = cases.image("max"), []
    cases.settled(net, x)
    step = dynamics._one_step
    monkeypatch.setattr(dynamics, "_one_step", lambda *given: steps.append(1) or step(*given))
    rules_of = [make(net, free_steps=400, nudged_steps=400, settled=settled) for settled in (0.0, 1e-6)]
    (whole, of_whole), (short, of_short) = [(rule.gradients(x, labels).grads, len(steps)) for rule in rules_of]
    taken = of_short - of_whole                                                 # `whole` too ends once nothing moves
    assert 1e-12 < cases.relative(short, whole) < 1e-4 and taken < 40 and 2 * taken < of_whole
    residuals = rules_of[1].residuals.running
    assert all(1e-9 < residual <= 1e-6 for residual in residuals["free"] + residuals["nudged"])
    with pytest.raises(ValueError, match="settled: expected"):
        make(net, settled=1.5)


@pytest.mark.parametrize("case, given, expected", [
    (cases.dense(), {}, (30, 15, 0.0, 0.0)), (cases.dense(), {"settled": 0.1}, (30, 15, 0.1, 0.0)),
    (cases.image(), {}, (120, 60, 0.01, -0.3)), (cases.image(), {"settled": 0.0}, (120, 60, 0.0, -0.3)),
    (cases.image(), {"free_steps": 500}, (500, 15, 0.0, 0.0)), (cases.image(), {"nudged_steps": 4}, (30, 4, 0.0, 0.0)),
    (cases.image(), {"damping": 0.2}, (120, 60, 0.01, 0.2)), (cases.image(), {"beta": -0.1}, (120, 60, 0.001, -0.3)),
    (cases.image(), {"beta": 7.0}, (120, 60, 0.01, -0.3)),
    (cases.image(), {"beta": 0.1, "settled": 0.5}, (120, 60, 0.5, -0.3)),
    (cases.image(), {"sweep": "synchronous"}, (120, 60, 0.01, 0.0))])
def test_convolutions_settle_longer_where_the_phases_are_not_given(case, given, expected):
    rule = make(case[0], **given)
    assert (rule.free_steps, rule.nudged_steps, rule.settled, rule.damping) == expected


def test_layers_that_move_at_once_do_not_go_beyond():
    net = cases.dense()[0]
    with pytest.raises(ValueError, match=r"damping: expected a finite number in \[0, 0.999999\], got -0.1"):
        make(net, sweep="synchronous", damping=-0.1)
    assert make(net, damping=-0.5).damping == -0.5


def test_the_trace_tells_the_steps_that_were_taken():
    net, x, labels = cases.image()
    cases.settled(net, x)
    rows = make(net, free_steps=5000, nudged_steps=5000, settled=1e-4).trace(x, labels)
    assert all(2 < row["steps"] < 500 and row["residual"] <= 1e-4 for row in rows[:3]) and rows[3]["steps"] is None
    assert [row["steps"] for row in make(net, free_steps=7, nudged_steps=3).trace(x, labels)] == [7, 3, 3, None]


def test_it_descends_on_the_loss():
    rule, x, labels = settled_rule(cases.dense(loss="cross-entropy"), beta=0.1)
    before = rule.gradients(x, labels)
    for name, parameter in rule.network.parameters().items():
        parameter -= 0.01 * before.grads[name]
    assert rule.gradients(x, labels).loss < before.loss


# -------------------------------------------------------------------------------------------------- the contract

CASES = [lambda: cases.dense(loss="cross-entropy"), cases.dense, lambda: cases.image("max"),
         lambda: cases.image("softmax"),
         lambda: cases.image("none", loss="squared-error")]
every_case = pytest.mark.parametrize("case", CASES, ids=["readout", "squared", "max", "softmax", "conv-squared"])


@every_case
@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_one_finite_gradient_for_every_parameter_in_its_shape(case, estimator):
    net, x, labels = case()
    step = make(net, estimator=estimator).gradients(x, labels)
    assert step.grads.keys() == net.parameters().keys() and step.errors == {} and isinstance(step.loss, float)
    for name, parameter in net.parameters().items():
        assert step.grads[name].shape == parameter.shape and np.isfinite(step.grads[name]).all()


@every_case
@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_float32_stays_float32(case, estimator):
    net, x, labels = case()
    rule = make(net.astype(np.float32), estimator=estimator, damping=0.1)
    assert {g.dtype for g in rule.gradients(x, labels).grads.values()} == {np.dtype(np.float32)}
    assert rule.predict(x).dtype == np.float32
    for reference in rule.references(x, labels).values():
        assert {g.dtype for g in reference.values()} == {np.dtype(np.float64)}


@every_case
def test_measuring_changes_nothing(case):
    net, x, labels = case()
    rule = make(net, estimator="random-sign", sweep="synchronous")
    rule.gradients(x, labels)
    before = frozen(rule)
    for measure in (rule.references, rule.trace, lambda x, y: alignment.update_angles(rule, x, y),
                    lambda x, y: rule.predict(x), lambda x, y: training.measure(rule, x, y),
                    lambda x, y: rule.notes().clear(), lambda x, y: rule.state()):
        measure(x[::-1] + 0.1, labels)
        assert frozen(rule) == before
    assert {phase: len(found) for phase, found in rule.residuals.running.items()} == {"free": 1, "nudged": 1}


def test_references_name_what_they_are():
    net, x, labels = cases.dense(loss="cross-entropy")
    assert list(make(net).references(x, labels)) == ["implicit"]
    rule = make(net, sweep="synchronous", nudged_steps=7)
    references = rule.references(x, labels)
    assert list(references) == ["implicit", "bptt(7)"]
    assert all(reference.keys() == net.parameters().keys() for reference in references.values())
    found, states = cases.settled_exactly(net, x)
    assert_close(references["bptt(7)"], truncated_gradients(found, x, states, labels, 7), 1e-9)
    assert alignment.update_angles(rule, x, labels, to="bptt(7)")["fc2.weight"] < 30


def test_a_reference_that_did_not_settle_says_so(monkeypatch):
    net, x, labels = cases.dense(unit="tanh", top="tanh")
    monkeypatch.setattr("feedbackalign.rules.equilibrium.equilibrium_propagation.settle_exactly",
                        lambda found, x, **_: (found.rest(len(x)), 2e-10))
    rule = make(net, sweep="synchronous")
    assert list(rule.references(x, labels)) == ["implicit (not settled)", "bptt(15) (not settled)"]
    assert rule.trace(x, labels)[-1]["residual"] == 2e-10


def test_the_trace_tells_the_phases():
    net, x, labels = cases.dense(loss="cross-entropy")
    rows = make(net, beta=0.5).trace(x, labels)
    assert [(row["phase"], row["beta"], row["steps"]) for row in rows] == [
        ("free", 0.0, 30), ("nudged", 0.5, 15), ("nudged", -0.5, 15), ("free, for the references", 0.0, None)]
    free, plus, minus, exact = rows
    assert plus["loss"] < free["loss"] < minus["loss"] and exact["residual"] <= 1e-12 < free["residual"]
    assert len(make(net, estimator="one-sided").trace(x, labels)) == 3


def test_w_is_its_own_feedback():
    net, _, _ = cases.image()
    assert alignment.weight_angles(make(net)) == {"conv1": 0.0, "conv2": 0.0, "fc1": 0.0}


def test_the_record_tells_how_the_phases_settled_and_begins_anew():
    net, x, labels = cases.dense(loss="cross-entropy")
    rule = make(net, free_steps=2, nudged_steps=3)
    rule.after_epoch([])
    assert rule.notes() == {"phases": {"beta": 1.0, "free_steps": 2, "nudged_steps": 3, "settled": 0.0, "damping": 0.0}}
    for _ in range(3):
        rule.gradients(x, labels)
    held = {phase: list(residuals) for phase, residuals in rule.residuals.running.items()}
    assert len(held["free"]) == 3 and len(held["nudged"]) == 6
    rule.after_epoch([])
    notes = rule.notes()
    for phase, residuals in held.items():
        assert notes[f"{phase}_residual_median"] == np.median(residuals)
        assert notes[f"{phase}_residual_largest"] == max(residuals)
    assert notes["free_not_settled"] == 1.0 and rule.residuals.running == {}
    assert sum(array.size for array in rule.state().values()) <= 4


def test_not_settled_is_a_residual_above_a_hundredth():
    net, x, labels = cases.dense(loss="cross-entropy")
    rule = make(net)
    rule.residuals.running = {"free": [1e-2, 1.01e-2, 1e-5, 1.0], "nudged": [1e-3]}
    rule.after_epoch([])
    assert rule.notes()["free_not_settled"] == 0.5 and rule.notes()["nudged_not_settled"] == 0.0


def test_a_fresh_rule_goes_on_in_mid_epoch_where_the_state_was_kept():
    net, x, labels = cases.dense(loss="cross-entropy")
    rule = make(net, estimator="random-sign")
    rule.gradients(x, labels)
    rule.after_epoch([])
    rule.gradients(x, labels)
    state = rule.state()
    other = make(copy.deepcopy(net), seed=9, estimator="random-sign")
    other.load_state(state)
    assert other.notes() == rule.notes() and frozen(other.state()) == frozen(state)
    for _ in range(5):
        assert frozen(rule.gradients(x, labels).grads) == frozen(other.gradients(x, labels).grads)
    rule.after_epoch([]), other.after_epoch([])
    assert rule.notes() == other.notes()


def test_a_resumed_run_is_the_run_that_was_never_stopped(tmp_path):
    digits = data.digits()

    def fresh():
        return make(mlp([64, 8, 10], activation="soft-clip", rng=np.random.default_rng(0)), free_steps=3,
                    nudged_steps=2, estimator="random-sign"), SGD(lr=0.1, momentum=0.9)

    def plain(rows):
        return [{key: value for key, value in row.items() if not key.startswith("seconds")} for row in rows]

    def stop(news):
        if news.get("epoch") == 2 and news.get("step") == 5:
            raise KeyboardInterrupt

    rule, sgd = fresh()
    whole = training.train(rule, digits, sgd, epochs=2, batch_size=128)
    stopped, sgd = fresh()
    with pytest.raises(KeyboardInterrupt):
        training.train(stopped, digits, sgd, epochs=2, batch_size=128, folder=tmp_path, checkpoint_every=4,
                       progress=stop)
    resumed, sgd = fresh()
    rows = training.train(resumed, digits, sgd, epochs=2, batch_size=128, folder=tmp_path, resume=True)
    assert plain(rows) == plain(whole)
    assert "free_residual_median" in rows[-1] and frozen(resumed.state()) == frozen(rule.state())


# ------------------------------------------------------------------------------------------------------- refusals

def test_bad_options_are_refused():
    net, _, _ = cases.dense(loss="cross-entropy")
    for beta in (0, 0.0):
        with pytest.raises(ValueError, match="beta: expected a nudge other than 0"):
            make(net, beta=beta)
    for beta in (1e-9, -1e-9):
        with pytest.raises(ValueError, match="beta: expected at least 1.5e-08 in float64 or its negative, got -?1e-09"):
            make(net, beta=beta)
    with pytest.raises(ValueError, match="at least 3.5e-04 in float32 or its negative, got 0.0001"):
        make(copy.deepcopy(net).astype(np.float32), beta=1e-4)
    with pytest.raises(ValueError, match="beta: expected a finite number"):
        make(net, beta=np.nan)
    with pytest.raises(ValueError, match="unknown estimator 'symetric': did you mean 'symmetric'"):
        make(net, estimator="symetric")
    with pytest.raises(ValueError, match="unknown sweep 'alternate': did you mean 'alternating'"):
        make(net, sweep="alternate")
    for option in ("free_steps", "nudged_steps"):
        with pytest.raises(ValueError, match=f"{option}: expected an integer of at least 1, got 0"):
            make(net, **{option: 0})
    with pytest.raises(ValueError, match="damping"):
        make(net, damping=1.0)
    with pytest.raises(TypeError, match="ep: expected rng=numpy.random.Generator"):
        rules.make(EquilibriumPropagation, net)
    with pytest.raises(ValueError, match="relu1 cannot settle: expected a bounded unit"):
        make(mlp([4, 3, 2], rng=np.random.default_rng(0)))
    assert make(mlp([4, 3, 2], rng=np.random.default_rng(0)), activation="tanh").chain.stages[0].unit.kind == "tanh"


def test_a_linear_top_bounds_beta():
    """Under −β a linear top obeys s ← v + β (s − y): from β = 1 on it runs away."""
    net, x, labels = cases.dense()
    assert make(net).beta == 0.5 and make(net, beta=0.9).beta == 0.9
    for options in ({"beta": 1.0}, {"beta": -1.5}, {"beta": 2, "estimator": "random-sign"},
                    {"beta": -1, "estimator": "one-sided"}):
        with pytest.raises(ValueError, match="below 1 under squared error with a linear top"):
            make(net, **options)
    assert make(net, beta=3.0, estimator="one-sided").beta == 3.0
    assert make(cases.dense(top="tanh")[0], beta=1.0).beta == 1.0
    assert make(cases.dense(loss="cross-entropy")[0]).beta == 1.0
    assert make(cases.dense(loss="cross-entropy")[0], readout=False, beta=3.0).beta == 3.0    # its nudge has a bound


def test_bad_batches_are_refused_before_any_step():
    net, x, labels = cases.image()
    rule = make(net)
    with pytest.raises(ValueError, match=r"x: expected shape \(N, 1, 8, 8\), got float64 array of shape \(4, 64\)"):
        rule.gradients(x.reshape(4, 64), labels)
    with pytest.raises(TypeError, match="x: expected a float32 or float64 array"):
        rule.predict(x.astype(int))
    x[2, 0, 1, 1] = np.inf
    with pytest.raises(ValueError, match="x: expected finite numbers, got inf"):
        rule.gradients(x, labels)
    x[2, 0, 1, 1] = 0
    with pytest.raises(ValueError, match="targets: expected labels from 0 to 2, got 7"):
        rule.gradients(x, np.array([0, 1, 2, 7]))
    assert rule.residuals.running == {}


def test_a_phase_that_turns_to_nan_is_named():
    net, x, labels = cases.dense(loss="cross-entropy")
    rule = make(net)
    net.parameters()["fc2.weight"][1, 1] = np.nan
    with pytest.raises(FloatingPointError, match="the free phase is no longer finite at step 1, layer fc1"):
        rule.gradients(x, labels)

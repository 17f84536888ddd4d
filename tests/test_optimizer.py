"""The optimisers against their formulas, entry by entry, and what they refuse before any array changes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedbackalign import optimizer
from feedbackalign.optimizer import (RESNET_18, RESNETS, SGD, SMALL_NETWORKS, Adam, MultiStep, StrongPhase,
                                     decay_schedule)
from feedbackalign.optimizer.steps import LARGE
from feedbackalign.rules import TABLE

KINDS = {"SGD": lambda lr, **more: SGD(lr, momentum=0.9, **more), "plain SGD": SGD, "Adam": Adam}
every_kind = pytest.mark.parametrize("make", KINDS.values(), ids=KINDS.keys())


def random_arrays(rng, shapes, dtype=np.float64):
    return {f"fc{number}.weight": rng.normal(size=shape).astype(dtype) for number, shape in enumerate(shapes, start=1)}


# -------------------------------------------------------------------------------------------------------------- SGD

def test_sgd_by_hand():
    """Two steps in numbers: v = g + λθ, then v = μv + g + λθ, biases decayed as well."""
    theta = {"fc1.weight": np.array([2.0]), "fc1.bias": np.array([-1.0])}
    opt = SGD(lr=0.5, momentum=0.5, weight_decay=0.25)
    opt.step(theta, {"fc1.weight": np.array([1.0]), "fc1.bias": np.array([0.25])})
    assert theta["fc1.weight"] == 2.0 - 0.5 * (1.0 + 0.5) == 1.25
    assert theta["fc1.bias"] == -1.0 - 0.5 * (0.25 - 0.25) == -1.0
    opt.step(theta, {"fc1.weight": np.array([-1.0]), "fc1.bias": np.array([0.25])})
    assert theta["fc1.weight"] == 1.25 - 0.5 * (0.5 * 1.5 + -1.0 + 0.25 * 1.25)
    assert theta["fc1.bias"] == -1.0


@given(st.integers(0, 2**32 - 1), st.sampled_from([0.0, 0.5, 0.9]), st.sampled_from([0.0, 0.03]),
       st.lists(st.sampled_from([(), (1,), (3, 2), (2, 1, 3, 3)]), min_size=1, max_size=3))
def test_sgd_is_its_formula(seed, momentum, decay, shapes):
    rng = np.random.default_rng(seed)
    theta = random_arrays(rng, shapes)
    expected = {name: array.copy() for name, array in theta.items()}
    velocity = {name: np.zeros(array.shape) for name, array in theta.items()}
    opt = SGD(lr=0.1, momentum=momentum, weight_decay=decay)
    for step in range(5):
        opt.lr = eta = 0.1 / (step + 1)                                 # set anew between steps
        gradients = random_arrays(rng, shapes)
        opt.step(theta, gradients)
        for name in theta:
            velocity[name] = momentum * velocity[name] + (gradients[name] + decay * expected[name])
            expected[name] = expected[name] - eta * velocity[name]
            np.testing.assert_allclose(theta[name], expected[name], rtol=1e-13, atol=1e-15)


@every_kind
@pytest.mark.parametrize("shape", [(), (3,), (300, 200), (LARGE // 8 + 1,)])
def test_arrays_are_updated_in_place_and_gradients_left_alone(make, shape):
    theta, gradient = np.ones(shape), np.full(shape, 0.5)
    same = theta
    make(0.1).step({"pfa.echo": theta}, {"pfa.echo": gradient})
    assert same is theta and theta.shape == shape and (theta < 1).all()
    assert (gradient == 0.5).all()


@every_kind
def test_arrays_in_another_order_of_memory_are_updated_too(make):
    """A flat view of such an array is a copy: an update of the copy alone would be lost. Large ones go in blocks."""
    rng = np.random.default_rng(0)
    start, gradients = rng.normal(size=(400, 400)), [rng.normal(size=(400, 400)) for _ in range(3)]
    assert start.nbytes > LARGE
    orders = {"C": start.copy(), "F": np.asfortranarray(start), "strided": np.repeat(start, 2, axis=1)[:, ::2]}
    for theta in orders.values():
        opt = make(0.1, weight_decay=0.01)
        for gradient in gradients:
            opt.step({"theta": theta}, {"theta": gradient})
    np.testing.assert_array_equal(orders["F"], orders["C"])
    np.testing.assert_array_equal(orders["strided"], orders["C"])
    assert not np.allclose(orders["C"], start)


@every_kind
def test_float32_stays_float32_and_close_to_float64(make):
    rng = np.random.default_rng(0)
    double = random_arrays(rng, [(4, 3), (5,)])
    single = {name: array.astype(np.float32) for name, array in double.items()}
    in_double, in_single = make(0.01, weight_decay=0.01), make(0.01, weight_decay=0.01)
    for _ in range(10):
        gradients = random_arrays(rng, [(4, 3), (5,)])
        in_double.step(double, gradients)
        in_single.step(single, {name: array.astype(np.float32) for name, array in gradients.items()})
    for name in double:
        assert single[name].dtype == np.float32
        np.testing.assert_allclose(single[name], double[name], rtol=1e-4, atol=1e-5)
    arrays = [array for key, array in in_single.state().items() if key != "steps"]
    assert all(array.dtype == np.float32 for array in arrays)


def test_momentum_is_kept_per_parameter_and_only_where_there_is_some():
    opt = SGD(0.1, momentum=0.9)
    assert not opt.carries_momentum() and not opt.carries_momentum("a")
    opt.step({"a": np.ones(2)}, {"a": np.ones(2)})
    assert opt.carries_momentum() and opt.carries_momentum("a") and not opt.carries_momentum("b")
    plain = SGD(0.1)
    plain.step({"a": np.ones(2)}, {"a": np.ones(2)})
    assert not plain.carries_momentum() and plain.state() == {}


# ------------------------------------------------------------------------------------------------------------- Adam

def test_adam_is_its_formula_over_fifty_steps():
    rng = np.random.default_rng(1)
    theta = random_arrays(rng, [(4, 3), (), (2, 1, 3, 3)])
    expected = {name: array.copy() for name, array in theta.items()}
    m = {name: 0.0 for name in theta}
    s = {name: 0.0 for name in theta}
    opt = Adam(0.01, betas=(0.8, 0.95), epsilon=1e-3, weight_decay=0.1)
    for t in range(1, 51):
        opt.lr = eta = 0.01 / t
        opt.weight_decay = decay = 0.1 if t < 25 else 0.0
        gradients = random_arrays(rng, [(4, 3), (), (2, 1, 3, 3)])
        opt.step(theta, gradients)
        for name in theta:
            g = gradients[name] + decay * expected[name]                # coupled: decay passes through the moments
            m[name] = 0.8 * m[name] + 0.2 * g
            s[name] = 0.95 * s[name] + 0.05 * g**2
            m_hat, s_hat = m[name] / (1 - 0.8**t), s[name] / (1 - 0.95**t)
            expected[name] = expected[name] - eta * m_hat / (np.sqrt(s_hat) + 1e-3)
            np.testing.assert_allclose(theta[name], expected[name], rtol=1e-12, atol=1e-14)


def test_adams_first_step_is_the_learning_rate():
    theta = np.array([1.0, 1.0])
    Adam(0.1).step({"theta": theta}, {"theta": np.array([1e-3, -50.0])})
    np.testing.assert_allclose(theta, [0.9, 1.1], rtol=1e-5)


# --------------------------------------------------------------------------------------------------- learning rates

@every_kind
def test_a_learning_rate_of_0_in_a_dict_freezes_layer_or_parameter(make):
    """Nothing of it moves: not the array, not by decay, not its moments; the others move as if they were alone."""
    names = ("fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias")
    theta, alone = ({name: np.ones(2) for name in names} for _ in range(2))
    opt, other = make({"fc1": 0, "fc2": 0.1, "fc2.bias": 0.0}, weight_decay=0.5), make(0.1, weight_decay=0.5)
    for _ in range(3):
        opt.step(theta, {name: np.ones(2) for name in names})
        other.step({"fc2.weight": alone["fc2.weight"]}, {"fc2.weight": np.ones(2)})
    assert all((theta[name] == 1).all() for name in ("fc1.weight", "fc1.bias", "fc2.bias"))
    assert not any(opt.carries_momentum(name) for name in ("fc1.weight", "fc1.bias", "fc2.bias"))
    assert np.array_equal(theta["fc2.weight"], alone["fc2.weight"]) and (theta["fc2.weight"] < 1).all()


def test_momentum_of_a_frozen_parameter_waits_until_it_moves_again():
    theta = {"a": np.ones(2), "b": np.ones(2)}
    opt = SGD(0.1, momentum=0.9)
    opt.step(theta, {"a": np.ones(2), "b": np.ones(2)})
    before, kept = theta["a"].copy(), opt.state()["velocity/a"]
    opt.lr = {"a": 0, "b": 0.1}
    opt.step(theta, {"a": np.full(2, 7.0), "b": np.ones(2)})
    assert np.array_equal(theta["a"], before) and np.array_equal(opt.state()["velocity/a"], kept)
    opt.lr = 0.1
    opt.step(theta, {"a": np.zeros(2), "b": np.ones(2)})
    np.testing.assert_array_equal(theta["a"], before - 0.1 * 0.9 * kept)


@every_kind
def test_learning_rates_by_layer_and_by_parameter(make):
    names = ("fc1.weight", "fc1.bias", "fc1.R", "block3.conv2.weight")
    rates = {"fc1": 0.1, "fc1.bias": 0.2, "block3.conv2": 0.4}
    theta = {name: np.ones(2) for name in names}
    make(rates).step(theta, {name: np.ones(2) for name in names})
    single = {}
    for name, rate in zip(names, (0.1, 0.2, 0.1, 0.4)):
        single[name] = np.ones(2)
        make(rate).step({name: single[name]}, {name: np.ones(2)})
        np.testing.assert_array_equal(theta[name], single[name])


@every_kind
def test_weight_decay_by_layer_and_by_parameter(make):
    names = ("fc1.weight", "fc1.bias", "fc1.R", "block3.conv2.weight")
    theta, single = ({name: np.ones(2) for name in names} for _ in range(2))
    opt = make(0.1, weight_decay={"fc1": 0.3, "fc1.bias": 0.0, "block3.conv2": 2.0})
    alone = {name: make(0.1, weight_decay=decay) for name, decay in zip(names, (0.3, 0.0, 0.3, 2.0))}
    for step in range(3):                                   # the moments differ too
        gradients = {name: np.full(2, -1.0 + step) for name in names}
        opt.step(theta, gradients)
        for name in names:
            alone[name].step({name: single[name]}, {name: gradients[name]})
            np.testing.assert_array_equal(theta[name], single[name], err_msg=name)
    opt.lr = {"fc1": 0, "block3.conv2": 0.1}
    before = {name: array.copy() for name, array in theta.items()}
    opt.step(theta, {name: np.zeros(2) for name in names})
    assert [name for name in names if not np.array_equal(theta[name], before[name])] == ["block3.conv2.weight"]


@every_kind
def test_a_weight_decay_of_nothing_is_refused_before_anything_moves(make):
    theta = {"fc1.weight": np.ones(2), "fc2.weight": np.ones(2)}
    for decay, says in (({"fc1": 0.1, "fc3": 0.1}, "unknown parameter or layer in weight_decay 'fc3'"),
                        ({"fc2": 0.1}, "weight_decay: expected a number .* none for fc1.weight among fc2")):
        with pytest.raises(ValueError, match=says):
            make(0.1, weight_decay=decay).step(theta, theta)
    assert all((array == 1).all() for array in theta.values())
    with pytest.raises(ValueError, match="weight_decay: expected a finite number"):
        make(0.1, weight_decay={"fc1": -0.1})


@every_kind
def test_a_learning_rate_of_nothing_is_refused_with_the_nearest_name(make):
    theta = {"fc1.weight": np.ones(2), "fc2.weight": np.ones(2)}
    with pytest.raises(ValueError, match="unknown parameter or layer in lr 'fc1.wieght'.*did you mean 'fc1.weight'"):
        make({"fc1": 0.1, "fc2": 0.1, "fc1.wieght": 0.2}).step(theta, theta)
    with pytest.raises(ValueError, match="none for fc2.weight among fc1"):
        make({"fc1": 0.1}).step(theta, theta)


# ---------------------------------------------------------------------------------------------------------- refusals

@every_kind
@pytest.mark.parametrize("lr", [0, -0.1, float("nan"), float("inf")])
def test_learning_rates_out_of_range(make, lr):
    with pytest.raises(ValueError, match="lr"):
        make(lr)
    if lr != 0:                                                         # in a dict it freezes
        with pytest.raises(ValueError, match="lr of fc1"):
            make({"fc1": lr})
    opt = make(0.1)
    with pytest.raises(ValueError, match="lr"):
        opt.lr = lr
    assert opt.lr == 0.1


@pytest.mark.parametrize("make", [
    lambda: SGD(0.1, momentum=1), lambda: SGD(0.1, momentum=-0.1), lambda: SGD(0.1, weight_decay=-1e-4),
    lambda: SGD(0.1, momentum=float("nan")), lambda: Adam(0.1, betas=(0.9, 1.0)), lambda: Adam(0.1, betas=(-0.1, 0.9)),
    lambda: Adam(0.1, epsilon=0), lambda: Adam(0.1, weight_decay=-1), lambda: MultiStep(0.1, (-1,)),
    lambda: MultiStep(-0.1), lambda: MultiStep(0.1, (3,), -0.5), lambda: Adam(0.1, betas=()),
    lambda: decay_schedule("authors", strong_first=True, lr=np.inf, momentum=0.9),
    lambda: decay_schedule("equal", strong_first=False, lr=0, momentum=0.9),
    lambda: decay_schedule(0.1, strong_first=False, lr=0.1, momentum=1)])
def test_other_numbers_out_of_range(make):
    with pytest.raises(ValueError, match="expected"):
        make()


@pytest.mark.parametrize("make", [lambda: SGD("0.1"), lambda: SGD(True), lambda: SGD(0.1, momentum=None),
                                  lambda: Adam(None), lambda: MultiStep(0.1, (1.5,))])
def test_wrong_kinds(make):
    with pytest.raises(TypeError, match="expected"):
        make()


@every_kind
@pytest.mark.parametrize("gradients", [{"a": np.ones(2)}, {"a": np.ones(2), "b": np.ones(3)},
                                       {"a": np.ones(2), "b": np.ones((2, 1))}])
def test_a_bad_gradient_changes_nothing(make, gradients):
    theta = {"a": np.ones(2), "b": np.ones(2)}
    opt = make(0.1)
    with pytest.raises(ValueError, match=r"\bb\b"):
        opt.step(theta, gradients)
    assert (theta["a"] == 1).all() and not opt.carries_momentum()
    assert opt.state().get("steps", 0) == 0


# ------------------------------------------------------------------------------------------------------------- state

@every_kind
def test_going_on_from_a_state_gives_the_same_bytes(make):
    def arrays():
        return random_arrays(np.random.default_rng(0), [(4, 3), ()])

    rng = np.random.default_rng(1)
    gradients = [random_arrays(rng, [(4, 3), ()]) for _ in range(6)]
    whole, parts, first, second = arrays(), arrays(), make(0.1), make(0.1)
    for gradient in gradients:
        first.step(whole, gradient)
    for gradient in gradients[:3]:
        second.step(parts, gradient)
    third = make(0.1)
    state = second.state()
    second.step(arrays(), gradients[0])                                 # a state is a copy: this must not reach it
    third.load_state(state)
    for array in state.values():
        array[...] = 7                                                  # nor this what was loaded
    for gradient in gradients[3:]:
        third.step(parts, gradient)
    assert all(whole[name].tobytes() == parts[name].tobytes() for name in whole)


def test_what_an_optimiser_is():
    assert SGD(0.1, momentum=0.9).in_words() == "SGD with momentum 0.9"
    assert "0.999" in Adam(0.1).in_words()
    assert SGD(0.1).why_not_uniform() == ""
    assert "learning rates" in SGD({"fc1": 0.1}).why_not_uniform()
    assert "weight decays" in SGD(0.1, weight_decay={"fc1": 0.1}).why_not_uniform()
    assert "rescales" in Adam(0.1).why_not_uniform()
    base = optimizer.Optimizer(0.1, 0.0)
    for method in (base.why_not_uniform, base.carries_momentum):
        with pytest.raises(NotImplementedError):
            method()
    assert base.in_words() == "Optimizer"


# --------------------------------------------------------------------------------------------------------- schedules

def test_a_milestone_holds_from_its_own_step_on():
    schedule = MultiStep(0.8, milestones=(2, 5), factor=0.5)
    assert [schedule(step) for step in range(7)] == [0.8, 0.8, 0.4, 0.4, 0.4, 0.2, 0.2]
    assert MultiStep(0.1)(10**6) == 0.1
    with pytest.raises(TypeError, match="^milestones: expected a list, got generator"):
        MultiStep(0.8, milestones=(step for step in (2, 5)), factor=0.5)


@given(st.floats(1e-4, 1), st.floats(0, 0.99), st.floats(1e-4, 0.1), st.floats(0.5, 4))
def test_the_strong_phase_forgets_as_much_as_it_should(lr, momentum, decay, forgetting):
    """Σ η λ / (1 − μ) reaches the number, and one step less would not."""
    a_step = lr * decay / (1 - momentum)
    steps = StrongPhase(decay, 0.1, forgetting).steps(lr, momentum)
    assert steps * a_step >= forgetting * (1 - 1e-6) > (steps - 1) * a_step * (1 - 1e-5)


@pytest.mark.parametrize("phase, lr, epoch, echo, after", [
    (SMALL_NETWORKS, 0.01, 60000 / 64, 0.057, 9e-5), (RESNETS, 0.1, 50000 / 128, 0.134, 1e-4),
    (RESNET_18, 0.1, 1281167 / 256, 0.08, 1e-4)])
def test_the_strong_phases_are_the_authors_first_epochs(phase, lr, epoch, echo, after):
    """As long as theirs at their learning rate; the echo, which the recursion of SGD gives, falls as far."""
    steps = phase.steps(lr, 0.9)
    assert steps == pytest.approx(epoch, rel=0.005)
    opt, c = SGD(lr, momentum=0.9, weight_decay=phase.decay), {"c": np.array(1.0)}
    for _ in range(steps):
        opt.step(c, {"c": np.array(0.0)})
    assert float(c["c"]) == pytest.approx(echo, abs=0.005)
    assert phase.decay * phase.drop == pytest.approx(after)


@pytest.mark.parametrize("name", TABLE)
def test_presets_by_rule(name):
    strong = name in ("pfa", "pfa-o", "pfa-i")
    steps = SMALL_NETWORKS.steps(0.01, 0.9)
    assert TABLE[name].strong_decay_first == strong
    authors, equal = (decay_schedule(preset, strong_first=strong, lr=0.01, momentum=0.9)
                      for preset in ("authors", "equal"))
    assert authors(0) == (0.03 if strong else 1e-4)
    assert authors(steps - 1) == authors(0)
    assert authors(steps) == pytest.approx(9e-5 if strong else 1e-4)
    assert [equal(0), equal(steps - 1)] == [0.03, 0.03] and equal(steps) == pytest.approx(9e-5)
    deep = decay_schedule("authors", strong_first=strong, lr=0.1, momentum=0.9, strong=RESNETS)
    assert [deep(0), deep(391), deep(392)] == pytest.approx([0.005, 0.005, 1e-4] if strong else [1e-4] * 3)
    assert decay_schedule(0.002, strong_first=strong, lr=0.01, momentum=0.9)(10**6) == 0.002


def test_unknown_presets_and_negative_decays():
    with pytest.raises(ValueError, match="did you mean 'equal'"):
        decay_schedule("eqaul", strong_first=False, lr=0.1, momentum=0)
    with pytest.raises(ValueError, match="decay"):
        decay_schedule(-1, strong_first=False, lr=0.1, momentum=0)

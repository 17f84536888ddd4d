"""Numbers among the options that are far too small or too large: refused by name, or the rule still learns."""

import numpy as np
import pytest

import feedbackalign as fa
from feedbackalign import rules
from feedbackalign.optimizer import SGD

NUMBERS_OR_NONE = {"beta", "target_step", "feedback_decay", "feedback_clip", "feedback_rate", "dual_rates",
                   "settled", "damping"}
COUNTS_OR_NONE = {"free_steps", "nudged_steps"}
WORDS_OR_NONE = {"route", "activation", "pooling"}
NUMBERS_OR_WORDS = {"eta"}
RUNS_AWAY = {"forgetting"}              # λ near 0 lets the network run away, and a warning says so

EXTREMES = {np.float32: (1e-320, 1e-80, 1e-30, 1e30, 1e80, 1e308), np.float64: (1e-320, 1e-300, 1e300, 1e308)}


def numbers(name):
    """The options of a rule that are numbers with a fraction."""
    return [option for option, usual in rules.options_of(name).items()
            if isinstance(usual, float) or option in NUMBERS_OR_NONE | NUMBERS_OR_WORDS]


CASES = [(name, option) for name in rules.TABLE for option in numbers(name)]


def test_every_option_that_may_be_a_number_is_tried():
    for name in rules.TABLE:
        unclear = {option for option, usual in rules.options_of(name).items() if usual is None}
        assert unclear <= NUMBERS_OR_NONE | WORDS_OR_NONE | COUNTS_OR_NONE, name
    assert len(CASES) > 80


def learn(name, option, value, dtype):
    """One phase of feedback learning and one step, all small: -> every array that came of it."""
    _, network, x, labels = next(rules.find(name).small_networks(np.random.default_rng(0)))
    short = {"pretraining": 2} if "pretraining" in rules.options_of(name) else {}
    rule = rules.make(name, network.astype(dtype), rng=np.random.default_rng(1), **short, **{option: value})
    with np.errstate(all="ignore"):
        rule.before_training([(x, labels)])
        grads = fa.training.train_step(rule, SGD(lr=0.1), x, labels).grads
        rule.after_epoch([(x, labels)])
    return grads, {**grads, **network.parameters(), **rule.parameters(), **rule.plastic()}


@pytest.mark.parametrize(("name", "option"), CASES)
@pytest.mark.parametrize("dtype", EXTREMES)
def test_an_extreme_number_is_refused_or_works(name, option, dtype):
    for value in EXTREMES[dtype]:
        try:
            grads, arrays = learn(name, option, value, dtype)
        except ValueError as error:
            assert option in str(error).partition(": expected")[0] and f"got {value!r}" in str(error), (value, error)
        except (FloatingPointError, UserWarning):
            assert option in RUNS_AWAY, value
        else:
            assert all(np.isfinite(array).all() for array in arrays.values()), value
            zero = [key for key in grads if key.endswith(".weight") and not grads[key].any()]
            assert not zero, (value, zero)


@pytest.mark.parametrize("name", [name for name in rules.TABLE if "density" in rules.options_of(name)])
def test_a_density_that_leaves_no_synapse_is_refused(name):
    network = fa.networks.mlp([4, 3, 2], rng=np.random.default_rng(0))
    with pytest.raises(ValueError, match="density: expected at least .*, one synapse of an array of shape"):
        rules.make(name, network, rng=np.random.default_rng(1), density=0.01)
    rules.make(name, network, rng=np.random.default_rng(1), density=0.5)


def test_a_feedback_that_runs_away_before_training_is_a_divergence():
    data = fa.data.digits()
    network = fa.networks.mlp([64, 8, 10], activation="tanh", rng=np.random.default_rng(0))
    rule = rules.make("dfc-ssa", network, rng=np.random.default_rng(1), sleep_alpha=1e12, pretraining=2)
    with np.errstate(all="ignore"), pytest.raises(fa.training.DivergedError, match="dfc-ssa: .*no solution"):
        fa.training.train(rule, data, SGD(0.1), epochs=1)

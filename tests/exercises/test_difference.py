"""One answer beside the right one: every sentence that there is, and that it is said of nothing else."""

import numpy as np
import pytest

from feedbackalign.exercises import hints
from feedbackalign.exercises.base import Exercise
from feedbackalign.exercises.difference import difference
from feedbackalign.exercises.explanation import complaint

RNG = np.random.default_rng(0)
CASES = [(RNG.normal(size=(N, 3)), RNG.normal(size=(3, 4))) for N in (5, 6)]


def about(right, answer, mistakes=(), cases=CASES, **more):
    """What is said of a function's answers, the right ones being another's."""
    def task(error, weight):
        raise NotImplementedError
    exercise = Exercise(task=task, cases=lambda rng: cases, right=right, mistakes=mistakes, **more)
    return complaint(exercise, [("", arguments) for arguments in cases], [answer(*arguments) for arguments in cases])


def product(error, weight):
    return error @ weight


def test_what_is_right_is_told_nothing_rounding_included():
    assert about(product, product) is None
    assert about(product, lambda e, w: (e @ w) * (1 + 1e-12)) is None
    assert about(product, lambda e, w: np.asfortranarray(e @ w)) is None


@pytest.mark.parametrize("answer, words", [
    (lambda e, w: -e @ w, "the sign is wrong everywhere"),
    (lambda e, w: len(e) * (e @ w), "N times the right one (N = 5 samples here)"),
    (lambda e, w: e @ w / len(e), ": your answer is 1/N of the right one (N = 5"),
    (lambda e, w: e @ w / len(e)**2, "1/N² of the right one"),
    (lambda e, w: -len(e) * (e @ w), "minus N times"),
    (lambda e, w: 0.5 * e @ w, "0.5 times the right one"),
    (lambda e, w: e[0, 0] * (e @ w), "by one factor"),
    (lambda e, w: 0 * e @ w, "every entry is zero"),
    (lambda e, w: 1e-17 * RNG.normal(size=(len(e), 4)), "every entry is zero"),
    (lambda e, w: (e @ w).T, "should have shape (5, 4), got (4, 5): this is the transpose"),
    (lambda e, w: (e @ w)[::-1], "in the wrong places"),
    (lambda e, w: (e @ w).reshape(4, -1), "should have shape (5, 4), got (4, 5)"),
    (lambda e, w: (e @ w).astype(np.float32), "dtype float64, got float32"),
    (lambda e, w: np.where(e @ w > 0, e @ w, np.nan), "is nan"),
    (lambda e, w: np.where(e @ w > 0, e @ w, np.inf), "is inf"),
    (lambda e, w: (e @ w).tolist(), "should be a float64 array of shape (5, 4), got a list"),
    (lambda e, w: 1.5, "got 1.5"),
    (lambda e, w: (e @ w).astype(object), "dtype float64, got object"),
    (lambda e, w: (e @ w).astype(str), "dtype float64, got <U"),
    (lambda e, w: (e @ w).astype(complex), "dtype float64, got complex128"),
    (lambda e, w: np.empty((0, 4)), "got (0, 4)"),
])
def test_a_wrong_array_is_told_what_it_is(answer, words):
    assert words in about(product, answer)


def test_a_shape_that_is_not_the_transpose_is_not_called_so():
    assert "transpose" not in about(product, lambda e, w: (e @ w).reshape(4, -1))


def test_n_times_is_said_only_if_it_is_n_in_every_case():
    assert "5 times the right one" in about(product, lambda e, w: 5.0 * (e @ w))
    assert "N times" not in about(product, lambda e, w: 5.0 * (e @ w))
    same = [(e[:4], w) for e, w in CASES]
    assert "N times" in about(product, lambda e, w: 4.0 * (e @ w), cases=same)


def test_without_a_batch_nothing_is_said_of_n():
    def task(u, v):
        raise NotImplementedError
    exercise = Exercise(task=task, cases=lambda rng: CASES, right=product)
    trials = [("", arguments) for arguments in CASES]
    assert "N" not in complaint(exercise, trials, [len(u) * (u @ v) for u, v in CASES]).replace("NaN", "")


def test_the_first_entry_that_differs_is_named_with_enough_digits():
    def nearly(error, weight):
        answer = error @ weight
        answer[1, 2:] += 1e-6
        return answer
    said = about(product, nearly)
    right = product(*CASES[0])[1, 2]
    assert said.startswith(f"entry [1, 2] of the answer should be {right:.7g} and is {right + 1e-6:.7g}")
    assert "(2 of 20 entries differ)" in said


def test_a_named_mistake_is_said_only_if_it_is_made_in_every_case():
    mistakes = [("you forgot the weight", lambda e, w: np.ones_like(e @ w))]
    assert about(product, lambda e, w: np.ones_like(e @ w), mistakes).endswith("you forgot the weight")
    once = [np.ones((5, 4)), CASES[1][0] @ CASES[1][1]]
    assert "forgot" not in about(product, lambda e, w: once[len(e) - 5], mistakes)


def test_a_mistake_with_an_infinite_entry_is_not_everything():
    def divided(error, weight):
        return error @ weight / np.array([0.0, 1.0, 2.0, 3.0])
    with np.errstate(divide="ignore"):
        assert "you divided" not in about(product, lambda e, w: 0 * e @ w, mistakes=[("you divided", divided)])
        infinite = about(product, divided, mistakes=[("you divided", divided)])
    assert "inf" in infinite and infinite.endswith("you divided")


def test_a_case_that_comes_out_right_by_chance_does_not_hide_the_other():
    assert "should be" in about(product, lambda e, w: e @ w if len(e) == 5 else 2 * (e @ w))


def test_a_factor_in_one_case_alone_is_no_factor():
    said = about(product, lambda e, w: 2 * (e @ w) if len(e) == 5 else np.cos(e @ w))
    assert "should be" in said and "times" not in said


def test_numbers_and_tuples():
    def both(error, weight):
        return error.T, error @ weight
    assert about(both, both) is None
    assert about(both, lambda e, w: list(both(e, w))) is None
    assert "2 things, part 1, part 2, got 3 things" in about(both, lambda e, w: (1, 2, 3))
    assert "entry [0, 0] of ∂W" in about(both, lambda e, w: (e.T, -e @ w), parts=("∂b", "∂W"))
    assert "sign" in about(both, lambda e, w: (e.T, -e @ w))
    assert about(both, lambda e, w: e.T).endswith("got float64 array of shape (3, 5)")

    def with_bias(error, weight):
        return error @ weight, error.sum(axis=0)
    assert about(with_bias, with_bias) is None
    assert "of part 2" in about(with_bias, lambda e, w: (e @ w, e.mean(axis=0)))
    assert "1/N" in about(with_bias, lambda e, w: (e @ w, e.mean(axis=0)))

    def total(error, weight):
        return float((error @ weight).sum())
    assert about(total, lambda e, w: np.sum(e @ w)) is None
    assert about(total, lambda e, w: np.array(np.sum(e @ w))) is None
    assert "sign" in about(total, lambda e, w: -total(e, w))
    assert "3 times" in about(total, lambda e, w: 3 * total(e, w))
    assert "N times" in about(total, lambda e, w: len(e) * total(e, w))
    assert ":" not in about(total, lambda e, w: total(e, w)**2)
    for nothing in ("0.5", True, [1.0], np.ones(1), np.ones((2, 2))):
        assert "should be a number" in about(total, lambda e, w, nothing=nothing: nothing)


def test_a_right_answer_of_zeros_is_compared_too():
    zeros = Exercise(task=product, cases=None, right=None)
    assert difference(np.zeros(3), np.zeros(3), zeros) is None
    assert "entry [1]" in difference(np.array([0, 1e-12, 0.0]), np.zeros(3), zeros)
    degrees = Exercise(task=product, cases=None, right=None, at_least=180.0)
    assert difference(1e-9, 0.0, degrees) is None and difference(1e-6, 0.0, degrees) is not None


def unit_length(error, weight):
    return error @ weight / np.linalg.norm(weight)


@pytest.mark.parametrize("answer, is_told", [
    (lambda e, w: e @ w / (np.linalg.norm(w) + 1e-12), True),
    (lambda e, w: e @ w / (np.linalg.norm(w) + 1e-6), True),
    (lambda e, w: e @ w / np.sqrt((w**2).sum() + 1e-30), True),
    (lambda e, w: unit_length(e, w) * (1 + 1e-6), False),                   # nearly right, and at the limit too
    (lambda e, w: np.where(abs(w).max() > 1e-9, unit_length(e, w), -unit_length(e, w)), False),
    (lambda e, w: np.where(abs(w).max() > 1e-9, unit_length(e, w), unit_length(e, w)**2), False),
    (lambda e, w: 0.1 * unit_length(e, w), False),
])
def test_an_epsilon_is_told_by_what_it_does_where_a_limit_is_tiny(answer, is_told):
    trials = [("", arguments) for arguments in CASES] + [("tiny weights", (CASES[0][0], 1e-70 * CASES[0][1]))]
    exercise = Exercise(task=product, cases=None, right=unit_length)
    said = complaint(exercise, trials, [answer(*arguments) for _, arguments in trials])
    assert said and (hints.EPSILON in said) == is_told


def test_a_known_mistake_is_told_with_a_wrong_sign_or_mean_beside_it():
    mistakes = [("you forgot the weight", lambda e, w: np.ones_like(e @ w) * e.sum())]
    assert about(product, lambda e, w: -np.ones_like(e @ w) * e.sum(), mistakes).endswith(
        f"you forgot the weight; and {hints.SIGN}")
    assert about(product, lambda e, w: np.ones_like(e @ w) * e.sum() * len(e), mistakes).endswith(
        f"you forgot the weight; and {hints.no_mean('samples')}")
    assert about(product, lambda e, w: np.ones_like(e @ w) * e.sum() / len(e), mistakes).endswith(
        f"you forgot the weight; and {hints.mean_twice('samples')}")
    assert "forgot" not in about(product, lambda e, w: np.ones_like(e @ w) * e.sum() * 3, mistakes)

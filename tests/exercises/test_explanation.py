"""Why an answer is wrong: at a limit, by a known mistake, by a change of the right one, by what is not used."""

import dataclasses
import math

import numpy as np
import pytest

from feedbackalign.exercises import find, hints, lesson_03, lesson_05
from feedbackalign.exercises.base import Exercise
from feedbackalign.exercises.judge import judge


def scaled(error, factor):
    """Exercise 0.1. Of its own mean, times a factor."""
    raise NotImplementedError


def right(error, factor):
    return factor * (error - error.mean(axis=1, keepdims=True))


def at_the_limits(rng):
    return {"one sample": (rng.normal(size=(1, 4)), 0.3), "one unit": (np.full((3, 1), 2.0), 0.4),
            "tiny numbers": (1e-150 * rng.normal(size=(2, 3)), 0.5)}


def exercise(mistakes=(), limits=at_the_limits, of=right, **more):
    return Exercise(task=scaled, right=of, limits=limits, mistakes=mistakes, **more,
                    cases=lambda rng: [(rng.normal(size=(N, 3)), factor) for N, factor in [(5, 0.7), (4, 0.2)]])


def said(candidate, **more):
    verdict = judge("0.1", exercise(**more), candidate)
    assert verdict.state == "wrong" and "\n" not in verdict.text
    return verdict.text


def test_what_is_right_everywhere_is_right():
    assert judge("0.1", exercise(), right).right
    assert judge("0.1", exercise(), lambda error, factor: right(error, factor).astype(np.longdouble)).right


def test_what_is_wrong_only_at_a_limit_is_said_with_its_name():
    assert "not right yet: with one sample: the answer should have shape (1, 4), got (4,): an axis" in said(
        lambda error, factor: np.squeeze(right(error, factor)))
    assert "with tiny numbers: entry [0, 0] of" in said(lambda error, factor: np.round(right(error, factor), 20))
    assert said(lambda error, factor: right(error, factor) / 0 if len(error) == 1 else right(error, factor)).count(
        "with one sample: entry [0, 0] of the answer is ") == 1


def test_what_raises_at_a_limit_is_said_after_what_is_wrong_before():
    def careful(error, factor):
        if len(error) == 1:
            raise KeyError("one")
        return right(error, factor)
    assert "with one sample: your function raised KeyError ('one') in line" in said(careful)
    assert said(lambda error, factor: -careful(error, factor)).endswith(f"{hints.SIGN} everywhere.")


@pytest.mark.parametrize("change, words", [
    (np.abs, hints.ABS), (lambda right: np.maximum(right, 0), "below 0"), (np.negative, hints.SIGN),
    (lambda right: 0 * right, "every entry is zero"), (lambda right: 2 * right, "2 times the right one")])
def test_what_has_happened_to_the_right_answer_is_seen_beside_limits_where_it_shows_nothing(change, words):
    assert words in said(lambda error, factor: change(right(error, factor)))


def test_n_times_is_seen_though_it_is_right_with_one_sample():
    text = said(lambda error, factor: right(error, factor) * len(error), counted="points")
    assert "N times the right one (N = 5 points here): a factor 1/N is missing, where N is the number of points" in text
    assert "one factor 1/N too many" in said(lambda error, factor: right(error, factor) / len(error))


def test_a_number_in_the_place_of_n_is_told_apart_from_n_times():
    def divided_by(N):
        return lambda error, factor: right(error, factor) / N * len(error)
    for N in (5, 4, 60):
        assert said(divided_by(N)).endswith(f"{hints.wrong_N(f'samples, not {N} whatever it is')}.")


def test_an_argument_that_is_not_used_is_named():
    assert said(lambda error, factor: right(error, 0.7)).endswith(f"{hints.hard_coded('factor')}.")
    assert "whatever" not in said(lambda error, factor: right(error, factor)**3)
    assert said(lambda error, factor: np.ones_like(error)).endswith(f"{hints.hard_coded('all arguments')}.")


def test_what_differs_by_rounding_alone_is_not_in_the_wrong_places():
    assert "places" not in said(lambda error, factor: right(error, factor) * (1 + 1e-8))
    assert "places" in said(lambda error, factor: right(error, factor)[::-1, ::-1])


def test_a_power_of_n_is_all_though_a_mistake_is_right_in_the_cases():
    mistakes = [("you are at a limit", lambda error, factor: right(error, factor) + (len(error) == 1))]
    text = said(lambda error, factor: right(error, factor) / len(error), mistakes=mistakes)
    assert "1/N of the right one" in text and "limit" not in text


def test_asking_again_prints_nothing(capsys):
    def loud(error, factor):
        print("here")
        return right(error, 0.7)
    said(loud)
    assert capsys.readouterr().out.count("here") == len(exercise().trials())


def test_a_mistake_is_compared_in_the_cases_and_at_the_limits_together():
    mistakes = [("you are at a limit", lambda error, factor: right(error, factor) + (len(error) == 1)),
                ("you are everywhere", lambda error, factor: right(error, factor) + 1)]
    assert said(lambda error, factor: right(error, factor) + (error.shape[0] < 2), mistakes=mistakes).endswith(
        "you are at a limit.")
    assert said(lambda error, factor: right(error, factor) + 1, mistakes=mistakes).endswith("you are everywhere.")
    assert "everywhere" not in said(lambda error, factor: right(error, factor) + 1 + 1e-5, mistakes=mistakes)


def test_of_two_mistakes_that_of_the_cases_is_named():
    mistakes = [("you added 1", lambda error, factor: right(error, factor) + 1)]
    assert said(lambda error, factor: (right(error, factor) + 1).reshape(error.shape if len(error) > 1 else -1),
                mistakes=mistakes).endswith("you added 1.")


def test_a_mistake_that_cannot_be_made_at_a_limit_is_no_match_there():
    def raising(error, factor):
        if len(error) == 1:
            raise ValueError
        return right(error, factor)
    assert "you raised" not in said(lambda error, factor: np.squeeze(right(error, factor)),
                                    mistakes=[("you raised", raising)])


# ------------------------------------------------------------------------------------- cosines

def angle(arccos, epsilon=0.0):
    def answer(u, v):
        return arccos(np.vdot(u, v) / (np.linalg.norm(u) * np.linalg.norm(v) + epsilon))
    return answer


@pytest.mark.parametrize("limits, cosines", [(lesson_03._pairs_at_the_limits, lesson_03._cosines),
                                             (lesson_05._weights_at_the_limits, lesson_05._cosines)])
def test_the_limits_lift_every_formula_above_1(limits, cosines):
    lifted = [np.abs(cosines(*arguments)) > 1 for arguments in limits(np.random.default_rng(0)).values()]
    assert np.any(lifted, axis=0).all()


@pytest.mark.parametrize("arccos", [lambda cosine: math.degrees(math.acos(cosine)),
                                    lambda cosine: np.degrees(np.arccos(cosine))])
def test_an_arccos_without_a_clip_is_told_so_whether_it_is_nan_or_raises(arccos):
    text = judge("3.2", find("3.2"), angle(arccos)).text
    assert "parallel arrays" in text and hints.NOT_CLIPPED in text


def test_what_raises_at_a_limit_for_another_reason_is_not_told_of_the_arccos():
    def of_matrices(u, v):
        cosine = np.trace(u.T @ v) / np.linalg.norm(u) / np.linalg.norm(v)
        return math.degrees(math.acos(min(max(cosine, -1), 1)))
    exercise = dataclasses.replace(find("3.2"), cases=lambda rng: [tuple(rng.normal(size=(2, N, 3))) for N in (3, 4)])
    text = judge("3.2", exercise, of_matrices).text
    assert "with one number each: your function raised" in text and hints.NOT_CLIPPED not in text


@pytest.mark.parametrize("epsilon", [1e-6, 1e-8, 1e-12, 1e-16])
def test_an_epsilon_of_any_size_is_told_so(epsilon):
    clipped = angle(lambda cosine: math.degrees(math.acos(min(max(cosine, -1), 1))), epsilon)
    assert hints.EPSILON in judge("3.2", find("3.2"), clipped).text


# ------------------------------------------------------------------------------------- arguments that change

def test_how_an_argument_was_changed_is_said_only_where_the_source_says_it():
    def minus(error, factor):
        error -= error.mean(axis=1, keepdims=True)
        return factor * error

    def inside(error, factor):
        error[0] += 1
        return right(error, factor)

    def by_another_name(error, factor):
        mine = error
        mine *= factor
        return mine - mine.mean(axis=1, keepdims=True)
    assert said(minus).endswith("changes its argument error: write error = error - …, not error -= ….")
    for candidate in (inside, by_another_name, lambda error, factor: error.sort() or right(error, factor),
                      eval("lambda error, factor: error.fill(0.0) or error.copy()")):
        assert said(candidate).endswith("changes its argument error: work on a copy of it.")

"""A verdict is one sentence: of answers that are no functions, take other arguments, or touch what they were given."""

import numpy as np
import pytest

from feedbackalign.exercises.base import Exercise
from feedbackalign.exercises.judge import judge


def total(x, table):
    """Exercise 0.1. Add up."""
    raise NotImplementedError


ADD = Exercise(task=total, right=lambda x, table: x + table["b"],
               cases=lambda rng: [(rng.normal(size=(2, 3)), {"b": rng.normal(size=(2, 3))}) for _ in range(2)])


def said(candidate):
    verdict = judge("0.1", ADD, candidate)
    assert verdict.state == "wrong" and not verdict.right and verdict.text.startswith("exercise 0.1: not right yet: ")
    assert "\n" not in verdict.text and verdict.text[-1] in ".?"
    return verdict.text


def test_the_three_verdicts():
    assert judge("0.1", ADD, lambda x, table: x + table["b"]).text == "exercise 0.1: right."
    assert judge("0.1", ADD, total).text == "exercise 0.1: not done yet."
    assert said(lambda x, table: None).endswith("is a `return` missing?")


@pytest.mark.parametrize("thing", [3, np.ones(3), "total", dict])
def test_what_is_no_function_is_told_so(thing):
    assert "expected the function total" in said(thing)


def test_the_arguments_must_fit():
    assert "your function takes (x), expected (x, table)" in said(lambda x: x)
    assert judge("0.1", ADD, lambda *both: both[0] + both[1]["b"]).right
    assert judge("0.1", ADD, lambda x, table, more=3: x + table["b"]).right


def test_arguments_that_change_are_named_inside_a_dict_too():
    def first(x, table):
        x += table["b"]
        return x.copy()

    def second(x, table):
        table["b"] += x
        return table["b"].copy()

    def third(x, table):
        return x + table.pop("b")
    assert "changes its argument x" in said(first)
    assert "changes its argument table" in said(second)
    assert "changes its argument table" in said(third)


def test_an_answer_must_not_be_an_argument():
    assert "returns its argument table itself, or a view of it" in said(lambda x, table: table["b"][:1])
    assert "argument x itself" in said(lambda x, table: x)


def test_what_it_does_to_its_answer_later_does_not_count():
    kept = []

    def reusing(x, table):
        kept.append(x + table["b"])
        for array in kept[:-1]:
            array[...] = 0                              # spoils what it returned before
        return kept[-1]
    assert judge("0.1", ADD, reusing).right


def test_warnings_of_numpy_do_not_come_in_between():
    assert "is nan" in said(lambda x, table: np.zeros_like(x) / 0)


def test_arguments_that_can_no_longer_be_compared_have_changed():
    def holding_itself(x, table):
        table["itself"] = table
        return x + table["b"]

    def replaced(x, table):
        table["b"] = (number for number in range(3))
        return x + 1

    class Unequal(np.ndarray):
        def __array_function__(self, *arguments):
            raise ZeroDivisionError

    def dressed(x, table):
        table["b"] = table["b"].view(Unequal)
        return x + 1
    for change in (holding_itself, replaced, dressed):
        assert "changes its argument table" in said(change)


def test_what_stands_beside_a_functions_arguments_is_never_shown():
    class Shy:
        def __repr__(self):
            raise ZeroDivisionError

    def by_name(x, *, table: Shy() = Shy()):                # noqa: B008
        return x
    assert "your function takes (x, *, table), expected (x, table)" in said(by_name)


def test_a_callable_without_a_signature_is_called():
    class Hidden:
        @property
        def __signature__(self):
            raise ZeroDivisionError

        def __call__(self, x, table):
            return x + table["b"]
    assert judge("0.1", ADD, Hidden()).right
    assert "raised TypeError" in said(type("Odd", (Hidden,), {"__signature__": 3, "__call__": lambda self: 0})())


@pytest.mark.parametrize("error", [GeneratorExit, type("Stop", (BaseException,), {})])
def test_what_is_no_exception_is_told_too(error):
    def stop(x, table):
        raise error("no further")
    assert f"raised {error.__name__} (no further) in line" in said(stop)

"""No wrong argument passes in silence: each is refused by the package itself, which names it and says what came."""

import collections
import dataclasses

import numpy as np
import pytest

import feedbackalign as fa
from tests.hostile import public
from tests.hostile.calls import Call, Entry, draw, make
from tests.hostile.table import TABLE
from tests.hostile.values import Kind

UNCLEAR = 0.01              # share of refusals that may lack the argument's name or what came


@pytest.fixture(autouse=True)
def somewhere(tmp_path, monkeypatch):
    """Calls may write where they stand."""
    monkeypatch.chdir(tmp_path)


# ----------------------------------------------------------------------------------------------- the table is complete

def test_every_public_callable_is_in_the_table_and_no_other():
    assert sorted(TABLE) == sorted(public.callables())


def test_every_argument_of_a_callable_is_in_the_table():
    missing = {path: [name for name in names if name not in TABLE[path].arguments]
               for path, names in public.callables().items()}
    assert {path: names for path, names in missing.items() if names} == {}


def test_options_and_settings_that_a_callable_passes_on_are_in_the_table():
    for name in (path.partition(".")[2] for path in TABLE if path.startswith("rules.") and path.count(".") == 1):
        kind = getattr(fa.rules, name)
        if isinstance(kind, type):
            assert set(fa.rules.options_of(kind)) <= set(TABLE[f"rules.{name}"].arguments), name
    settings = {field.name for field in dataclasses.fields(fa.Run)} - {"rule", "seed", "options"}
    assert settings <= set(TABLE["compare"].arguments)


def test_a_callable_that_is_new_would_be_missed(monkeypatch):
    def newcomer(argument):
        """A function that nobody has thought of."""

    monkeypatch.setattr(fa.data, "newcomer", newcomer, raising=False)
    monkeypatch.setattr(fa.data, "__all__", [*fa.data.__all__, "newcomer"])
    assert set(public.callables()) - set(TABLE) == {"data.newcomer"}


# ------------------------------------------------------------------------------------------------------ the calls

def wrong(count, seed):
    """What of so many calls does not end as it should: ({verdict: [lines]}, how many were bad)."""
    rng, found, bad = np.random.default_rng(seed), collections.defaultdict(list), 0
    for _ in range(count):
        call = draw(TABLE, rng)
        end = make(call)
        bad += call.bad is not None
        if end.verdict != "right":
            found[end.verdict].append(f"{call}: {end.message}"[:300])
    return found, bad


def assert_refused(count, seed):
    found, bad = wrong(count, seed)
    assert found["silent"] == []
    assert found["foreign"] == []
    assert len(found["unclear"]) <= UNCLEAR * bad, "\n".join(found["unclear"])
    assert bad > 0.8 * count


def test_300_calls():
    assert_refused(300, seed=20)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_10_000_calls(seed):
    assert_refused(2500, seed)


def test_the_calls_of_a_seed_are_always_the_same():
    one, other = ([str(draw(TABLE, rng)) for _ in range(50)]
                  for rng in (np.random.default_rng(5), np.random.default_rng(5)))
    assert one == other


# ---------------------------------------------------------------------------------------------------- what judges them

class Doors:
    """How a call can end: each of these ends in another way."""

    def lets_through(self, x):
        return x

    def leaves_it_to_numpy(self, x):
        return np.ones(3) @ x

    def leaves_it_to_python(self, x):
        return len(x)

    def refuses(self, x):
        return fa.optimizer.SGD(lr=x)

    def refuses_another(self, momentum):
        return fa.optimizer.SGD(lr=momentum)


@pytest.mark.parametrize("door, argument, verdict", [
    ("lets_through", "x", "silent"), ("leaves_it_to_numpy", "x", "foreign"), ("leaves_it_to_python", "x", "foreign"),
    ("refuses", "x", "unclear"), ("refuses_another", "momentum", "unclear")])
def test_how_a_call_ends(door, argument, verdict):
    entry = Entry({argument: Kind((1,), {"a number": -5})}, on=Doors)
    assert make(Call(door, entry, {argument: -5}, argument, "a number")).verdict == verdict


def test_a_refusal_names_the_argument_and_what_came():
    end = make(Call("optimizer.SGD", TABLE["optimizer.SGD"], {"lr": -5}, "lr", "too low"))
    assert end.verdict == "right"


def test_a_good_call_that_fails_is_found():
    assert make(Call("optimizer.SGD", TABLE["optimizer.SGD"], {"lr": -5}, None, None)).verdict == "foreign"

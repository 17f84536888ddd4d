"""What an option means is read off docstrings: the rule's own first, then those above it, then those that it names."""

import re

import numpy as np
import pytest

from feedbackalign import rules
from feedbackalign.rules import Rule
from feedbackalign.rules.option_help import option_help


class Constants:
    """
    Parameters
    ----------
    leak : float
        Of the soma.
    both : int
    """


class Above(Rule):
    """An idea.

    Parameters
    ----------
    network, rng
        As for all.
    rate, decay : float above 0
        How fast,
        and how soon.
    both : int
        From above.

    Returns : nothing
        That is read.
    """

    options_explained_in = (Constants,)


class Below(Above):
    """Another idea.

    Parameters
    ----------
    network, rng, decay
        As for `Above`.
    rate : "slow" or "fast"
    """


def test_the_nearest_docstring_wins_and_gaps_are_filled_from_above():
    assert option_help(Below) == {"leak": "float: Of the soma.", "both": "int: From above.", "rate": '"slow" or "fast"',
                                  "decay": "float above 0: How fast, and how soon."}


def test_a_rule_without_a_docstring_has_no_help():
    class Bare(Rule):
        pass
    assert "density" not in option_help(Bare)


PHASES = {"free_steps", "nudged_steps"}                     # one sentence tells of both


@pytest.mark.parametrize("name", rules.TABLE)
def test_every_option_has_words_of_its_own(name):
    kind = rules.find(name)
    texts = {option: option_help(kind)[option] for option in rules.options_of(kind) if option not in PHASES}
    assert len(set(texts.values())) == len(texts)


@pytest.mark.parametrize("name", rules.TABLE)
def test_help_says_the_least_integer_that_an_option_takes(name):
    kind = rules.find(name)
    for option, text in option_help(kind).items():
        bound = re.match(r"int of at least (\d+): ", text)
        if bound and option in rules.options_of(kind):
            _, network, _, _ = next(kind.small_networks(np.random.default_rng(0)))
            least = int(bound[1])
            with pytest.raises(ValueError, match=f"{option}: .*at least {least}"):
                rules.make(name, network, rng=np.random.default_rng(0), **{option: least - 1})
            made = rules.make(name, network, rng=np.random.default_rng(0), **{option: least})
            assert made.options[option] == least

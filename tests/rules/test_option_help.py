"""What an option means is read off docstrings: the rule's own first, then those above it, then those that it names."""

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

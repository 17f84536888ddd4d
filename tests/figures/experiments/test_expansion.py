"""The floor of the path angle is arctan(1/√r), and the eigenvalues of B Bᵀ end at Marchenko and Pastur's edges."""

import numpy as np
import pytest

from feedbackalign.figures import expansion
from feedbackalign.figures import NothingToShow, expansion_rows
from feedbackalign.figures.experiments.expansion import departure, marchenko_pastur, predicted_angle
from tests.figures.records import title, words


@pytest.fixture(scope="module")
def rows():
    return expansion_rows(expansions=[1, 4, 10], draws=5)


@pytest.mark.parametrize("r, degrees", [(1, 45.0), (10, 17.5), (100, 5.7)])
def test_what_is_predicted(r, degrees):
    assert predicted_angle(r) == pytest.approx(degrees, abs=0.06)


def test_what_is_measured_is_what_theory_says(rows):
    assert [(row["draw"], row["expansion"]) for row in rows] == [(draw, r) for draw in range(5) for r in (1, 4, 10)]
    for r in (1, 4, 10):
        own = [row for row in rows if row["expansion"] == r]
        low, high = marchenko_pastur(r)
        np.testing.assert_allclose([row["angle"] for row in own], predicted_angle(r), atol=1.2)
        np.testing.assert_allclose([row["largest"] for row in own], high, rtol=0.12)
        np.testing.assert_allclose([row["smallest"] for row in own], low, atol=0.06)
        np.testing.assert_allclose([row["spread"] for row in own], 1 / np.sqrt(r), rtol=0.1)
    assert len({row["angle"] for row in rows}) == len(rows)                  # W and B are drawn anew


def test_the_same_seed_gives_the_same_rows_and_another_one_others(rows):
    again = expansion_rows(expansions=[10], draws=2)
    assert again == expansion_rows(expansions=[10], draws=2) and len(again) == 2
    assert expansion_rows(expansions=[4], draws=1, seed=1) != expansion_rows(expansions=[4], draws=1)


def test_it_draws_the_means_beside_the_theory(rows):
    figure = expansion(rows)
    left, right = figure.axes
    assert left.get_xscale() == right.get_xscale() == "log"
    theory = next(line for line in left.lines if line.get_label() == "arctan(1/√r)")
    np.testing.assert_allclose(theory.get_ydata()[[0, -1]], [45.0, predicted_angle(10)])
    largest = next(line for line in right.lines if line.get_label() == "measured: largest")
    np.testing.assert_allclose(largest.get_ydata(), [np.mean([row["largest"] for row in rows if row["expansion"] == r])
                                                     for r in (1, 4, 10)])
    assert "drawn 5 times" in words(figure)


def test_the_title_says_how_far_the_means_lie_from_theory(rows):
    off = departure({r: [row for row in rows if row["expansion"] == r] for r in (1, 4, 10)})
    assert off < 0.5
    shifted = title(expansion([{**row, "angle": row["angle"] + 2} for row in rows]))
    said = float(shifted.split("within ")[1].split("°")[0])
    assert 2 - off <= said <= 2 + off + 0.1


def test_nothing_to_show_and_wrong_numbers_are_said():
    with pytest.raises(NothingToShow, match="expansion"):
        expansion([])
    with pytest.raises(ValueError, match="expansion"):
        expansion_rows(expansions=[0], draws=1)
    with pytest.raises(ValueError, match="draws"):
        expansion_rows(draws=0)

"""The filtration of a small matrix: the rows count the parts, and the figure shows the rows it was given."""

import numpy as np
import pytest

from feedbackalign.figures import NothingToShow, filtration, filtration_rows
from tests.persistence.cases import parts


def test_the_rows_are_all_edges_and_count_the_parts():
    rows = filtration_rows(seed=3)
    strengths = [row["strength"] for row in rows]
    assert strengths == sorted(strengths, reverse=True) and strengths[0] == 1 and len(rows) == 20
    edges = [(row["output"], row["input"]) for row in rows]
    assert [row["parts"] for row in rows] == [parts(5, 4, edges[:count]) for count in range(1, 21)]
    assert sum(row["joins"] for row in rows) == 8
    deaths = np.array([row["strength"] for row in rows if row["joins"]])
    assert abs(rows[0]["persistence"] - np.sqrt(((1 - deaths)**2).mean())) < 1e-14


def test_a_bar_for_every_edge_of_the_tree_and_a_colour_for_every_part():
    rows = filtration_rows()
    *forests, bars = filtration(rows).axes
    deaths = [row["strength"] for row in rows if row["joins"]]
    assert [line.get_xdata()[1] for line in bars.lines if len(line.get_xdata()) == 2 and line.get_xdata()[0] == 1.0
            and line.get_linewidth() == 6] == deaths
    for axes, threshold in zip(forests, (0.8, 0.6, 0.4, 0.0)):
        units = [line for line in axes.lines if len(line.get_xdata()) == 1]
        left = 9 - sum(death >= threshold for death in deaths)
        assert len(units) == 9 and len({line.get_color() for line in units}) == left
        assert f"{left} part" in axes.get_title()


@pytest.mark.parametrize("rows, error", [([], NothingToShow), ([{"strength": 1.0}], ValueError)])
def test_other_rows_are_refused(rows, error):
    with pytest.raises(error, match="filtration"):
        filtration(rows)

"""The figure shows the rows it was given; the rows are a free phase and a nudged one."""

import numpy as np
import pytest

from feedbackalign.figures import NothingToShow
from feedbackalign.figures.experiments.compartments import compartments, compartments_rows


@pytest.fixture(scope="module")
def rows():
    return compartments_rows(epochs=0)


def test_the_rows_are_rest_thirty_free_sweeps_and_ten_nudged(rows):
    assert [row["phase"] for row in rows] == ["free"] * 31 + ["nudged"] * 10
    assert [row["sweep"] for row in rows] == list(range(41)) and rows[-1]["beta"] == 1
    assert rows[0]["soma"] == {"fc1": [0.0] * 3, "fc2": [0.0] * 3}
    assert rows[0]["neurons"]["fc2"][0] == rows[0]["digit"]


def test_the_soma_of_a_hidden_neuron_settles_between_its_dendrites(rows):
    settled = {name: np.array(rows[30][name]["fc1"]) for name in ("soma", "basal", "apical")}
    inside = (settled["soma"] > 0) & (settled["soma"] < 1)
    assert inside.any()
    np.testing.assert_allclose(settled["soma"][inside], ((settled["basal"] + settled["apical"]) / 2)[inside], atol=2e-3)
    assert rows[30]["apical"]["fc2"] == [0, 0, 0] and rows[31]["apical"]["fc2"][0] > 0


def test_it_draws_every_row(rows):
    for axes, layer in zip(compartments(rows).axes, ("fc1", "fc2")):
        drawn = [line.get_ydata() for line in axes.lines if len(line.get_xdata()) == len(rows)]
        expected = [[row[name][layer][unit] for row in rows]
                    for name in ("soma", "basal", "apical") for unit in range(3)]
        np.testing.assert_array_equal(drawn, expected)


def test_what_is_no_row_is_refused(rows):
    with pytest.raises(NothingToShow):
        compartments([])
    with pytest.raises(ValueError, match="rows: expected those of compartments_rows"):
        compartments([*rows, {"sweep": 0}])

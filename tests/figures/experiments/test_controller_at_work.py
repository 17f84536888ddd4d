"""The figure shows the rows it was given, and its title says how much of the error is left."""

import numpy as np
import pytest

from feedbackalign.figures import NothingToShow
from feedbackalign.figures.experiments.controller_at_work import (SIZES, STEP, controller_at_work,
                                                                  controller_at_work_rows)
from tests.figures.records import title


@pytest.fixture(scope="module")
def rows():
    return controller_at_work_rows(pretraining=100)


def test_the_output_comes_to_its_target_and_the_control_to_its_rest(rows):
    first, last = rows[0], rows[-1]
    assert first["left"] == pytest.approx(1.0) and first["control"] == [0.0, 0.0, 0.0]
    assert not any(any(changes) for changes in first["hidden"].values())
    assert last["left"] < 0.05 and last["residual"] < 1e-2 < rows[1]["residual"]
    np.testing.assert_allclose(last["control"], last["rest"], rtol=0.01)
    assert np.linalg.norm(np.subtract(last["target"], first["output"])) == pytest.approx(STEP)
    assert [len(changes) for changes in last["hidden"].values()] == list(SIZES[1:-1])
    assert all(np.abs(changes).max() > 0.01 for changes in last["hidden"].values())
    assert first["growth"] < -0.1


def test_it_draws_every_row(rows):
    output, control, *hidden = controller_at_work(rows).axes
    for axes, key, goal in ((output, "output", "target"), (control, "control", "rest")):
        drawn = [line for line in axes.lines if len(line.get_xdata()) == len(rows)]
        np.testing.assert_array_equal(np.array([line.get_ydata() for line in drawn]).T, [row[key] for row in rows])
        dashed = [line.get_ydata()[0] for line in axes.lines if len(line.get_xdata()) == 2]
        assert dashed == rows[0][goal]
    for axes, layer in zip(hidden, ("fc1", "fc2")):
        np.testing.assert_array_equal(np.array([line.get_ydata() for line in axes.lines]).T,
                                      [row["hidden"][layer] for row in rows])
        low, high = axes.get_ylim()
        assert low < min(map(min, (row["hidden"][layer] for row in rows))) and high > 0


def test_the_title_says_how_much_of_the_error_is_left(rows):
    assert f"{100 * rows[-1]['left']:.1f} % of the output's error is left" in title(controller_at_work(rows))
    assert f"{100 * rows[5]['left']:.1f} % of the output's error is left" in title(controller_at_work(rows[:6]))


def test_what_is_no_row_is_refused(rows):
    with pytest.raises(NothingToShow):
        controller_at_work([])
    with pytest.raises(ValueError, match="rows: expected those of controller_at_work_rows"):
        controller_at_work([*rows, {"time": 0.0}])

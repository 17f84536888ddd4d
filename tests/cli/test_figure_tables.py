"""Tables of the experiments: the rows' own numbers, in lines that fit a page."""

import numpy as np
import pytest

from feedbackalign.cli import figure_tables
from feedbackalign.figures.tables import comparison_table
from feedbackalign.figures import TRAINED
from feedbackalign.figures import decay
from feedbackalign.figures.experiments import trained
from feedbackalign.figures.experiments.decay import COMMON
from feedbackalign.runs.run import Run
from tests.figures.experiments.test_depth import rows as rows_of_depth
from tests.figures.experiments.test_sparse import rows as rows_of_sparse
from tests.figures.records import CONVOLUTIONAL, record


def cells(text, rule):
    """The words of the first line that starts with this rule."""
    return next(line.split() for line in text.splitlines() if line.startswith(f"{rule} "))


def test_the_table_of_depth():
    text = figure_tables.table("depth", rows_of_depth())
    assert text.splitlines()[1].split() == ["rule", "2", "4", "16", "2", "4", "16"]
    assert cells(text, "fa") == ["fa", "53.0", "±", "1.4", "55.0", "±", "1.4", "67.0", "±", "1.4", "88", "88", "88"]
    assert cells(figure_tables.table("depth", rows_of_depth(seeds=1)), "bp")[1] == "52.0"


def test_the_table_of_sparse():
    text = figure_tables.table("sparse", rows_of_sparse())
    assert text.splitlines()[1].split() == ["rule", "1", "0.3", "0.05", "1", "0.3", "0.05"]
    assert cells(text, "kp")[-3:] == ["100", "30", "5"] and cells(text, "pfa")[-3:] == ["0", "0", "0"]
    assert cells(text, "bp") == ["bp", "91.0", "±", "1.4", "-", "-", "100", "-", "-"]


def test_the_table_of_resnet():
    rows = record(rules=("bp", "pfa"), layers=CONVOLUTIONAL, epochs=2, seeds=2)
    text = figure_tables.table("resnet", rows)
    assert text.splitlines()[1].split()[-5:] == ["start", "epoch", "1", "epoch", "2"]
    own = [angle for row in rows if (row["rule"], row["epoch"]) == ("pfa", 1) for angle in row["weight_angle"].values()]
    assert f"{np.median(own):.0f} ({min(own):.0f}-{max(own):.0f})" in text
    assert "median of all layers and seeds" in text and cells(text, "bp")[4] == "0"


def test_no_times_for_runs_side_by_side_disturb_each_other():
    rows = [{**row, "seconds_per_step": 0.5} for row in record()]
    assert "ms/step" in comparison_table(rows) and "ms/step" not in figure_tables.table("mlp", rows)


def test_the_table_of_decay():
    rows = trained.do([trained.Planned(Run(**COMMON | {"epochs": 2, "hidden": (8,)}), {"task": "digits"})])
    line = figure_tables.table("decay", rows).splitlines()[1].split()
    assert line[:2] == ["digits", "76"] and line[4] == "2" and line[5] == line[6] and float(line[7]) < 1e-5
    assert decay(rows) is not None


@pytest.mark.parametrize("name", TRAINED)
def test_no_line_is_wider_than_a_page(name):
    rows = {"depth": rows_of_depth(), "sparse": rows_of_sparse()}.get(name, record(layers=CONVOLUTIONAL))
    if name == "decay":
        return
    assert max(map(len, figure_tables.table(name, rows).splitlines())) <= 120

"""The figure shows the spikes of the rows it was given, and the title says which output fired first."""

import importlib

import numpy as np
import pytest

from feedbackalign import figures
from tests.figures.records import title

subject = importlib.import_module("feedbackalign.figures.experiments.spike_times")


@pytest.fixture(scope="module")
def rows():
    return subject.spike_times_rows(epochs=0)


def of(rows, layer):
    return [row for row in rows if row["layer"] == layer]


def test_a_row_per_neuron_and_a_potential_that_crosses_when_it_fires(rows):
    assert [len(of(rows, layer)) for layer in subject.COLOURS] == [65, 64, 10]
    code = of(rows, "code1")
    assert code[-1]["time"] == 0.0 and 0 < sum(row["time"] is None for row in code) < 64      # the reference; the blank
    fired = 0
    for row in of(rows, "spike1") + of(rows, "spike2"):
        t, V = np.transpose(row["potential"])
        if row["time"] is None:
            assert V.max() < 1.0
        else:
            assert np.interp(row["time"], t, V) == pytest.approx(1.0) and (V[t < row["time"]] < 1.0).all()
            fired += 1
    assert fired > 50
    first = min((row["time"], row["neuron"]) for row in of(rows, "spike2") if row["time"] is not None)[1]
    assert all(row["answer"] == first and row["label"] == 3 for row in rows)


def test_it_draws_every_spike_and_every_output(rows):
    figure = subject.spike_times(rows)
    raster, hidden, outputs = figure.axes
    drawn = np.concatenate([dots.get_offsets() for dots in raster.collections])
    assert sorted(drawn[:, 0]) == pytest.approx(sorted(row["time"] for row in rows if row["time"] is not None))
    crossings = [line.get_xdata()[0] for line in outputs.lines if line.get_marker() == "o"]
    assert sorted(crossings) == pytest.approx(sorted(row["time"] for row in of(rows, "spike2") if row["time"]))
    assert len([line for line in hidden.lines if line.get_marker() == "o"]) == subject.SHOWN
    assert f"here {rows[0]['answer']}" in title(figure)


def test_silent_neurons_are_counted_in_words(rows):
    quiet = [{**row, "time": None} if row["layer"] == "spike2" and row["neuron"] < 4 else row for row in rows]
    labels = [text.get_text() for text in subject.spike_times(quiet).axes[0].get_yticklabels()]
    silent = sum(row["time"] is None for row in of(quiet, "spike2"))
    assert labels[-1] == f"output\n{silent} of 10\nsilent" and silent >= 4
    blank = sum(row["time"] is None for row in of(quiet, "code1"))
    assert labels[0] == f"pixels\n{blank} of 64\nsilent"                        # the reference spike is no pixel


def test_what_is_no_row_is_refused(rows):
    with pytest.raises(figures.NothingToShow):
        subject.spike_times([])
    with pytest.raises(ValueError, match="rows: expected those of spike_times_rows"):
        subject.spike_times([*rows, {"layer": "code1"}])

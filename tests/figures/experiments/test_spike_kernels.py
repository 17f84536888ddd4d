"""Ramp against alpha: what is measured, and what is drawn of it."""

import importlib

import numpy as np
import pytest

from feedbackalign import figures
from tests.figures.records import title

subject = importlib.import_module("feedbackalign.figures.experiments.spike_kernels")


def rows(seeds=2, epochs=3):
    """Made up by formula."""
    return [{"kernel": kernel, "seed": seed, "epoch": epoch, "test_accuracy": 0.1 + 0.2 * epoch * good + 0.02 * seed,
             "silent_share": {"spike1": 0.2 + 0.1 * epoch * (1 - good), "spike2": 0.5},
             "largest_gradients": [0.1 * (1 + step) * (1 + seed) for step in range(4)] if epoch else []}
            for seed in range(seeds) for kernel, good in (("ramp", 1), ("alpha", 0)) for epoch in range(epochs + 1)]


def test_it_draws_both_kernels_and_every_step():
    figure = subject.spike_kernels(rows())
    accuracy, silent, steps = figure.axes
    for axes, ramp, alpha in ((accuracy, 71.0, 11.0), (silent, 20.0, 50.0)):
        np.testing.assert_allclose([line.get_ydata()[-1] for line in axes.lines], [ramp, alpha])
        assert len(axes.collections) == 2                                       # the bands
    assert sum(len(dots.get_offsets()) for dots in steps.collections) == 2 * 2 * 3 * 4
    assert steps.get_yscale() == "log" and "harder to train" in title(figure)


def test_a_peak_is_the_largest_step_over_the_median():
    assert subject.peaks(rows()) == pytest.approx({(kernel, seed): 0.4 / 0.25 for kernel in ("ramp", "alpha")
                                                   for seed in (0, 1)})
    assert subject.peaks(rows(epochs=0)) == {}


@pytest.mark.slow
def test_measuring_gives_a_row_per_kernel_seed_and_epoch(monkeypatch):
    monkeypatch.setattr(subject, "BATCH", 600)
    seen = []
    measured = subject.spike_kernels_rows(seeds=[4], epochs=1, progress=seen.append)
    assert seen == measured
    assert [(row["kernel"], row["seed"], row["epoch"], len(row["largest_gradients"])) for row in measured] == [
        ("ramp", 4, 0, 0), ("ramp", 4, 1, 2), ("alpha", 4, 0, 0), ("alpha", 4, 1, 2)]
    assert measured[0]["silent_share"]["spike1"] < measured[2]["silent_share"]["spike1"]     # the same weights
    assert all(largest > 0 for row in measured for largest in row["largest_gradients"])


def test_what_is_no_row_is_refused():
    with pytest.raises(figures.NothingToShow):
        subject.spike_kernels([])
    with pytest.raises(ValueError, match="rows: expected those of spike_kernels_rows"):
        subject.spike_kernels([*rows(), {"epoch": 0}])

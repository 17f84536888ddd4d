"""The figure in which the first layer alone learns: what is measured, what is drawn, and what the measurement shows."""

import importlib

import numpy as np
import pytest

from feedbackalign import figures

subject = importlib.import_module("feedbackalign.figures.experiments.first_layer")
training = importlib.import_module("feedbackalign.figures.experiments.target_angles")


def rows(seeds=2, epochs=3):
    """Made up by formula."""
    return [{"rule": rule, "seed": seed, "epoch": epoch, "test_accuracy": accuracy + 0.1 * epoch + 0.01 * seed,
             "backprop_angle": 30.0, "gauss_newton_angle": 20.0 + epoch, "gamma": 0.1}
            for rule, accuracy in (("ddtp-linear", 0.5), ("dtp", 0.3)) for seed in range(seeds)
            for epoch in range(epochs + 1)]


def test_two_panels_with_one_line_per_rule():
    figure = subject.first_layer(rows())
    assert len(figure.axes) == 2
    for axes, last in zip(figure.axes, (80.5, 23.0)):
        lines = {line.get_label(): line for line in axes.lines}
        np.testing.assert_allclose(lines["ddtp-linear"].get_ydata()[-1], last)


def test_nothing_to_show_is_said():
    with pytest.raises(figures.NothingToShow, match="at least one row"):
        subject.first_layer([])


def test_no_other_layer_learns(monkeypatch):
    monkeypatch.setattr(training, "PRETRAINING", 0)
    held = []

    def watched(rule, x, labels, layers):
        held.append({name: array.copy() for name, array in rule.network.parameters().items()})
        assert layers == ("fc1",)
        return {"backprop_angle": 0.0, "gauss_newton_angle": 0.0, "gamma": 0.1}
    monkeypatch.setattr(training, "angles", watched)
    measured = subject.first_layer_rows(seeds=[0], epochs=1, rules=["dtp"])
    assert [row["epoch"] for row in measured] == [0, 1]
    for name, array in held[0].items():
        assert np.array_equal(array, held[1][name]) != name.startswith("fc1."), name


@pytest.mark.slow
def test_alone_the_first_layer_learns_best_with_difference_reconstruction():
    chosen = ["bp", "ddtp-linear", "dtp-drl", "dtp", "ddtp-control"]
    measured = [row for row in subject.first_layer_rows(seeds=2, epochs=5, rules=chosen) if row["epoch"] == 5]
    ends = {rule: np.mean([row["test_accuracy"] for row in measured if row["rule"] == rule]) for rule in chosen}
    near = min(ends["ddtp-linear"], ends["dtp-drl"])
    assert near > max(ends["dtp"], ends["ddtp-control"]) + 0.1
    assert near > ends["bp"] - 0.05

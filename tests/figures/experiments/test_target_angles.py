"""The figure of angles to Gauss-Newton and backprop: what is measured, what is drawn, and what is found."""

import importlib

import numpy as np
import pytest

from feedbackalign import figures, rules
from feedbackalign.alignment import update_angles
from feedbackalign.networks import mlp

subject = importlib.import_module("feedbackalign.figures.experiments.target_angles")

START = {"gnt": 0.0, "ddtp-linear": 12.0, "dtp": 60.0}


def rows(seeds=2, epochs=3):
    """Made up by formula."""
    return [{"rule": rule, "seed": seed, "epoch": epoch, "test_accuracy": 0.1 + 0.2 * epoch + 0.01 * seed,
             "backprop_angle": 30.0 + 2 * epoch + seed, "gauss_newton_angle": angle + epoch + seed, "gamma": 0.1}
            for rule, angle in START.items() for seed in range(seeds) for epoch in range(epochs + 1)]


def test_three_panels_with_one_line_per_rule():
    figure = subject.target_angles(rows())
    assert len(figure.axes) == 3
    for axes, last in zip(figure.axes, (15.5, 36.5, 70.5)):
        lines = {line.get_label(): line for line in axes.lines}
        assert set(START) <= set(lines)
        np.testing.assert_allclose(lines["ddtp-linear"].get_ydata()[-1], last)


def test_nothing_to_show_is_said():
    with pytest.raises(figures.NothingToShow, match="at least one row"):
        subject.target_angles([])


def test_whole_batches_leave_the_rest_out_and_can_be_walked_again():
    x, labels = np.arange(150.0)[:, None], np.arange(150)
    batches = subject.WholeBatches(x, labels, np.random.default_rng(0))
    first, again = [[batch for _, batch in batches] for _ in range(2)]
    assert [len(batch) for batch in first] == [64, 64] and len(batches) == 2
    assert len(set(np.concatenate(first))) == 128 and not np.array_equal(first[0], again[0])


def test_the_digits_are_cut_apart_by_the_stream_and_standardised():
    x, labels, test_x, test_labels = subject.drawn_digits(np.random.default_rng(0))
    assert (len(x), len(labels), len(test_x), len(test_labels)) == (1437, 1437, 360, 360)
    np.testing.assert_allclose([x.mean(), x.std()], [0, 1], atol=1e-12)
    other = subject.drawn_digits(np.random.default_rng(1))
    assert not np.array_equal(labels, other[1])
    np.testing.assert_array_equal(*(np.bincount(np.concatenate(pair)) for pair in ((labels, test_labels), other[1::2])))


def test_angles_agree_with_the_rules_own_references():
    net = mlp([6, 5, 4, 3], activation="tanh", rng=np.random.default_rng(0), dtype=np.float64)
    x, labels = np.random.default_rng(1).normal(size=(9, 6)), np.arange(9) % 3
    names = ["fc1.weight", "fc2.weight"]
    found = subject.angles(rules.make("dtp", net, rng=np.random.default_rng(2)), x, labels, ["fc1", "fc2"])
    of_gamma = {}
    for gamma in subject.GAMMAS:
        rule = rules.make("dtp", net, rng=np.random.default_rng(2), gamma=gamma)
        of_gamma[gamma] = np.mean([update_angles(rule, x, labels)[name] for name in names])
        exact = np.mean([update_angles(rule, x, labels, to="backprop")[name] for name in names])
    np.testing.assert_allclose(found["backprop_angle"], exact)
    np.testing.assert_allclose(found["gauss_newton_angle"], min(of_gamma.values()))
    assert found["gamma"] == min(of_gamma, key=of_gamma.get)


def test_measuring_gives_rows_at_the_epochs_looked_at(monkeypatch):
    monkeypatch.setattr(subject, "PRETRAINING", 1)
    seen = []
    measured = subject.target_angles_rows(seeds=[3], epochs=1, rules=["bp", "ddtp-linear"], progress=seen.append)
    assert seen == measured
    assert [(row["rule"], row["seed"], row["epoch"]) for row in measured] == [
        ("bp", 3, 0), ("bp", 3, 1), ("ddtp-linear", 3, 0), ("ddtp-linear", 3, 1)]
    assert measured[1]["backprop_angle"] < 1e-9 and 0 < measured[3]["test_accuracy"] < 1


@pytest.mark.slow
def test_difference_reconstruction_finds_gauss_newton_on_the_digits():
    """Angles at the start and accuracies in the course of training, means over three seeds."""
    measured = subject.target_angles_rows()

    def mean(rule, epoch, key):
        return np.mean([row[key] for row in measured if (row["rule"], row["epoch"]) == (rule, epoch)])

    for rule in ("ddtp-linear", "dtp-drl", "ddtp-rhl"):
        assert mean(rule, 0, "gauss_newton_angle") <= 25 and mean(rule, 0, "backprop_angle") <= 45, rule
        assert mean(rule, 1, "test_accuracy") >= 0.75, rule         # and the others at most .65: below, with more seeds
    for rule in ("dtp", "ddtp-control"):
        assert mean(rule, 0, "gauss_newton_angle") >= 45 and mean(rule, 0, "backprop_angle") >= 55, rule
    assert 80 <= mean("dfa", 0, "gauss_newton_angle") <= 100 and 80 <= mean("dfa", 0, "backprop_angle") <= 100
    assert 20 <= mean("gnt", 0, "backprop_angle") <= 50 and 20 <= mean("gnt", 5, "backprop_angle") <= 50
    assert mean("gnt", 5, "gauss_newton_angle") < 1e-4
    for rule in set(subject.RULES) - {"dfa"}:
        assert mean(rule, 20, "test_accuracy") >= 0.95, rule


@pytest.mark.slow
@pytest.mark.parametrize("rule, epochs, lowest, highest", [
    ("dtp", 1, 0.0, 0.65), ("ddtp-control", 1, 0.0, 0.65), ("dfa", 20, 0.95, 1.0)])
def test_the_mean_of_twelve_seeds_lies_within_the_bounds(rule, epochs, lowest, highest):
    """After one epoch single seeds lie between .52 and .73, so that three of them say little about their mean."""
    measured = subject.target_angles_rows(seeds=12, epochs=epochs, rules=(rule,))
    assert lowest <= np.mean([row["test_accuracy"] for row in measured if row["epoch"] == epochs]) <= highest

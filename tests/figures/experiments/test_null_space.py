"""The figure of the null space: what is measured, what is drawn, and what the measurement shows."""

import importlib

import numpy as np
import pytest

from feedbackalign import figures, rules
from feedbackalign.networks import mlp

subject = importlib.import_module("feedbackalign.figures.experiments.null_space")


def rows(seeds=2):
    """Made up by formula."""
    return [{"rule": rule, "seed": seed, "epoch": epoch, "null_space": share + 0.01 * seed - epoch / 10_000}
            for rule, share in (("ddtp-linear", 0.3), ("dtp", 0.5)) for seed in range(seeds) for epoch in (0, 1000)]


def test_one_line_per_rule_and_the_share_of_a_random_direction():
    axes, = subject.null_space(rows()).axes
    lines = {line.get_label(): line for line in axes.lines}
    np.testing.assert_allclose(lines["dtp"].get_ydata(), [0.505, 0.405])
    assert any(np.allclose(line.get_ydata(), np.sqrt(4 / 6)) for line in axes.lines)


def test_nothing_to_show_is_said():
    with pytest.raises(figures.NothingToShow, match="at least one row"):
        subject.null_space([])


def test_the_share_is_that_of_the_projection_over_all_weights():
    """With the projection written out over the weights, one sample at a time."""
    net = mlp([4, 5, 6, 2], activation="tanh", loss="squared-error", rng=np.random.default_rng(0), dtype=np.float64)
    rng = np.random.default_rng(1)
    x, targets = rng.normal(size=(3, 4)), rng.normal(size=(3, 2))
    rule, weight, shares = rules.make("dtp", net, rng=rng), net.layer("fc1").weight, []
    for n in range(3):
        update = rule.gradients(x[n:n + 1], targets[n:n + 1]).grads["fc1.weight"].ravel()
        JW = np.empty((2, weight.size))
        for place, entry in enumerate(np.ndindex(weight.shape)):
            held, moved = weight[entry], []
            for h in (1e-5, -1e-5):
                weight[entry] = held + h
                moved.append(net.forward(x[n:n + 1])[0])
            weight[entry] = held
            JW[:, place] = (moved[0] - moved[1]) / 2e-5
        hidden = update - np.linalg.pinv(JW) @ (JW @ update)
        shares.append(np.linalg.norm(hidden) / np.linalg.norm(update))
    np.testing.assert_allclose(subject.null_share(rule, x, targets), np.mean(shares), rtol=1e-6)
    assert subject.null_share(rules.make("gnt", net, rng=rng), x, targets) < 1e-10


def test_a_random_direction_has_the_share_that_the_line_says():
    J, signal = (np.random.default_rng(0).normal(size=shape) for shape in ((2, 6), (20_000, 6)))
    hidden = signal - signal @ J.T @ np.linalg.inv(J @ J.T) @ J
    share = np.sqrt((hidden**2).sum() / (signal**2).sum())
    np.testing.assert_allclose(share, subject.RANDOM, rtol=1e-2)


def test_measuring_gives_rows_at_the_updates_looked_at():
    seen = []
    measured = subject.null_space_rows(seeds=[3], updates=20, rules=["dtp"], progress=seen.append)
    assert seen == measured
    assert [(row["rule"], row["seed"], row["epoch"]) for row in measured] == [("dtp", 3, 0), ("dtp", 3, 20)]
    assert all(0 < row["null_space"] < 1 for row in measured)


@pytest.mark.slow
def test_difference_reconstruction_keeps_updates_out_of_the_null_space():
    measured = [row for row in subject.null_space_rows(rules=["ddtp-linear", "dtp", "ddtp-control"])
                if row["epoch"] == 6000]
    shares = {rule: [row["null_space"] for row in measured if row["rule"] == rule]
              for rule in ("ddtp-linear", "dtp", "ddtp-control")}
    assert all(near < far for near, far in zip(shares["ddtp-linear"], shares["dtp"]))
    assert np.mean(shares["ddtp-linear"]) <= 0.2
    assert min(np.mean(shares["dtp"]), np.mean(shares["ddtp-control"])) >= 0.4

"""The figure of detection: corruptions by hand, and what is drawn of the rows."""

import numpy as np
import pytest

from feedbackalign.figures import NothingToShow
from feedbackalign.figures.experiments import detection_power as subject


def rows(seeds=2):
    """Made up by formula."""
    return [{"seed": seed, "test_accuracy": 0.93 + 0.01 * seed, "witness": kind, "corruption": corruption,
             "strength": strength, "batch": 100, "power": strength * (1 + place) / 2 + 0.1 * seed}
            for seed in range(seeds) for place, kind in enumerate(subject.LOOKS)
            for corruption, strength in [("noise", 0.0), ("noise", 0.1), ("noise", 0.2), *subject.OTHERS]]


def test_lines_are_means_over_seeds_and_points_have_their_place():
    left, right = subject.detection_power(rows()).axes
    assert len(left.lines) == len(subject.LOOKS) == len(left.collections)
    for place, line in enumerate(left.lines):
        np.testing.assert_allclose(line.get_ydata(), [5, 5 + 5 * (1 + place), 5 + 10 * (1 + place)])
    points = [line for line in right.lines if len(line.get_xdata()) == 1]
    assert len(points) == len(subject.LOOKS) * len(subject.OTHERS)
    assert [label.get_text().split("\n")[-1] for label in right.get_xticklabels()] == [
        f"{strength:g}" for _, strength in subject.OTHERS]


@pytest.mark.parametrize("made, error", [([], NothingToShow), ([{"seed": 0}], ValueError)])
def test_other_rows_are_refused(made, error):
    with pytest.raises(error, match="detection"):
        subject.detection_power(made)


def test_corruptions_by_hand():
    x, rng = np.random.default_rng(0).random((50, 64)), np.random.default_rng(1)
    noisy = subject.corrupted(x, "noise", 0.1, rng)
    assert noisy.min() == 0 and noisy.max() == 1 and 0.05 < (noisy - x).std() < 0.1
    dropped = subject.corrupted(x, "dropout", 0.1, rng)
    assert abs((dropped == 0).mean() - 0.1) < 0.02 and (dropped[dropped != 0] == x[dropped != 0]).all()
    salted = subject.corrupted(x, "salt and pepper", 0.2, rng)
    assert abs((salted == 0).mean() - 0.1) < 0.02 and abs((salted == 1).mean() - 0.1) < 0.02
    point = np.zeros((1, 8, 8))
    point[0, 3, 4] = 1.0
    blurred = subject.corrupted(point.reshape(1, 64), "blur", 0.5, None).reshape(8, 8)
    weights = np.exp(-2 * np.arange(-1, 2)**2)
    np.testing.assert_allclose(blurred[2:5, 3:6], np.outer(weights, weights) / weights.sum()**2)
    assert np.count_nonzero(blurred) == 9
    with pytest.raises(ValueError, match="unknown corruption 'fog'"):
        subject.corrupted(x, "fog", 1, rng)


def test_measuring_gives_a_row_per_corruption_and_witness(monkeypatch):
    monkeypatch.setattr(subject, "EPOCHS", 1)
    monkeypatch.setattr(subject, "TRAINING", 40)
    seen = []
    measured = subject.detection_power_rows(seeds=[5], bootstraps=2, noise=(0.0, 0.3), others=(("blur", 0.6),),
                                            witnesses=("logits",), progress=seen.append)
    assert seen == measured
    assert [(row["corruption"], row["strength"]) for row in measured] == [("noise", 0.0), ("noise", 0.3), ("blur", 0.6)]
    assert all(row["power"] in (0.0, 0.5, 1.0) and row["seed"] == 5 for row in measured)

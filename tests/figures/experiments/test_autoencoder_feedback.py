"""The figure shows the rows it was given."""

import numpy as np
import pytest

from feedbackalign.figures import NothingToShow
from feedbackalign.figures.experiments.autoencoder_feedback import (KINDS, SHOWN, autoencoder_feedback,
                                                                    autoencoder_feedback_rows, caption)

ENDS = {"bp": 0.17, "dfc-ssa": 0.19, "fixed": 0.29, "dfa": 0.3}


def made(ends=None, seeds=2):
    """Rows of a made-up record that end at these errors."""
    rng, rows = np.random.default_rng(0), []
    for rule, end in (ends or ENDS).items():
        for seed in range(seeds):
            for epoch in range(4):
                second = {"dfc-ssa": 0.97, "fixed": 0.96 - 0.02 * epoch}.get(rule)
                rows.append({"rule": rule, "seed": seed, "epoch": epoch, "condition2": second,
                             "test_mse": end + 0.01 * seed + 0.3 * (3 - epoch)})
            rows[-1] |= {"drawn": rng.normal(size=(2, 64)).tolist(), "original": np.ones((2, 64)).tolist()}
    return rows


@pytest.mark.slow
def test_an_epoch_of_the_real_thing():
    rows = autoencoder_feedback_rows(seeds=[3], epochs=1, pretraining=5)
    assert [(row["rule"], row["epoch"]) for row in rows] == [(kind, epoch) for kind in KINDS for epoch in (0, 1)]
    starts, ends = rows[::2], rows[1::2]
    assert len({row["test_mse"] for row in starts}) == 1            # all from the same weights
    assert all(after["test_mse"] < before["test_mse"] for before, after in zip(starts, ends))
    assert all((row["condition2"] is None) == (row["rule"] in ("bp", "dfa")) for row in rows)
    assert all(np.shape(row["drawn"]) == np.shape(row["original"]) == (SHOWN, 64) for row in ends)
    assert np.mean(np.subtract(ends[0]["drawn"], ends[0]["original"]) ** 2) < 1.5


def test_it_draws_every_curve_and_one_row_of_digits_per_rule():
    rows = made()
    axes, *digits = autoencoder_feedback(rows).axes
    assert len(digits) == (1 + len(ENDS)) * 2
    drawn = {line.get_label(): line.get_ydata() for line in axes.lines}
    for rule, end in ENDS.items():
        label = f"{KINDS[rule][2]}  {end + 0.005:.2f}"
        np.testing.assert_allclose(drawn[label], [end + 0.005 + 0.3 * left for left in (3, 2, 1, 0)])
    pictures = [panel.images[0].get_array() for panel in digits]
    assert (pictures[0] == 1).all()
    np.testing.assert_array_equal(pictures[2], np.reshape(rows[3]["drawn"][0], (8, 8)))


def test_the_small_print_says_how_condition_2_went():
    assert "dfc-ssa 0.97 → 0.97, fixed 0.96 → 0.90" in caption(made()) and "2 seeds" in caption(made())
    assert caption(made({"bp": 0.2}, seeds=1)) == "digits, 64-32-8-32-64, Adam   ·   one seed, so no bands"


def test_what_is_no_row_is_refused():
    with pytest.raises(NothingToShow):
        autoencoder_feedback([])
    with pytest.raises(ValueError, match="rows: expected those of autoencoder_feedback_rows"):
        autoencoder_feedback([{"rule": "bp", "epoch": 0}])

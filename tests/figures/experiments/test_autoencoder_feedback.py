"""The figure shows the rows it was given, and its title says no more than they do."""

import numpy as np
import pytest

from feedbackalign.figures import save
from feedbackalign.figures.experiments.autoencoder_feedback import (KINDS, SHOWN, autoencoder_feedback,
                                                                    autoencoder_feedback_rows, caption, claim)
from feedbackalign.runs import rows as series
from tests.figures.records import assert_fits_its_slide

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


def test_an_epoch_of_the_real_thing():
    rows = autoencoder_feedback_rows(seeds=[3], epochs=1, pretraining=5)
    assert [(row["rule"], row["epoch"]) for row in rows] == [(kind, epoch) for kind in KINDS for epoch in (0, 1)]
    starts, ends = rows[::2], rows[1::2]
    assert len({row["test_mse"] for row in starts}) == 1            # all from the same weights
    assert all(after["test_mse"] < before["test_mse"] for before, after in zip(starts, ends))
    assert all((row["condition2"] is None) == (row["rule"] in ("bp", "dfa")) for row in rows)
    assert all(np.shape(row["drawn"]) == np.shape(row["original"]) == (SHOWN, 64) for row in ends)
    assert np.mean(np.subtract(ends[0]["drawn"], ends[0]["original"]) ** 2) < 1.5


def test_it_draws_every_curve_and_a_row_of_digits_a_rule():
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


def test_the_title_claims_what_both_seeds_show():
    def title(**record):
        return claim(series.curves(made(**record), lambda row: row["test_mse"]))
    assert "falls behind" in title() and autoencoder_feedback(made())._suptitle.get_text() == title()
    for other in ({"fixed": 0.22}, {"dfa": 0.2}, {"dfc-ssa": 0.28}):
        assert "falls behind" not in title(ends={**ENDS, **other})
    assert "falls behind" not in title(seeds=1) and "falls behind" not in title(ends={"bp": 0.2})


def test_the_small_print_says_how_condition_2_went():
    assert "learned 0.97 → 0.97, fixed 0.96 → 0.90" in caption(made()) and "2 seeds" in caption(made())
    assert "condition" not in caption(made({"bp": 0.2}, seeds=1)) and "1 seed," in caption(made({"bp": 0.2}, seeds=1))


def test_nothing_overlaps():
    assert_fits_its_slide(autoencoder_feedback(made()))


def test_what_is_no_row_is_refused():
    with pytest.raises(series.NothingToShow):
        autoencoder_feedback([])
    with pytest.raises(ValueError, match="rows: expected those of autoencoder_feedback_rows"):
        autoencoder_feedback([{"rule": "bp", "epoch": 0}])


def test_the_same_rows_give_the_same_bytes(tmp_path):
    first, again = (save(autoencoder_feedback(made()), tmp_path / name).read_bytes() for name in ("a.png", "b.png"))
    assert first == again and first.startswith(b"\x89PNG")

"""The figure of input scales: what is trained, and that every point drawn is a mean of its rows."""

import numpy as np
import pytest

from feedbackalign import figures
from feedbackalign.figures.experiments import input_scale as subject
from feedbackalign.networks import digits_conv
from tests.rules.tools import frozen


def rows():
    """Made up by formula."""
    return [{"rule": rule, "seed": seed, "epoch": 10, "scale": scale, "lr": lr,
             "test_accuracy": best - 0.1 * abs(np.log10(lr)) * (rule == "bp") + 0.02 * seed}
            for rule, best in (("bp", 0.6), ("consequentialism", 0.9)) for scale in (0.1, 1.0, 16.0)
            for lr in (0.01, 0.1, 1.0) for seed in (0, 1)]


def test_two_panels_with_one_line_per_scale():
    figure = subject.input_scale(rows())
    assert [len(axes.lines) for axes in figure.axes] == [3, 3]
    for axes, ends in zip(figure.axes, ((41.0, 61.0), (91.0, 91.0))):
        for line in axes.lines:
            np.testing.assert_allclose(line.get_xdata(), (0.01, 0.1, 1.0))
            np.testing.assert_allclose(line.get_ydata()[[0, -1]], ends)


def test_nothing_to_show_is_said():
    with pytest.raises(figures.NothingToShow, match="at least one row"):
        subject.input_scale([])


def test_a_run_is_repeatable_and_its_settings_are_heard():
    once, again, other = (subject.train("consequentialism", 0, epochs=1, scale=scale) for scale in (1.0, 1.0, 16.0))
    assert frozen(once) == frozen(again) != frozen(other)
    assert len(subject.train("bp", 0, lr=0.1, epochs=2)[0]) == 2
    assert np.isfinite(subject.train("bp", 0, lr=0.1, epochs=1, build=digits_conv)[0]).all()


def test_a_run_that_diverges_ends_with_a_loss_that_is_no_number():
    losses, accuracy = subject.train("bp", 0, lr=1e30, epochs=1)
    assert not np.isfinite(losses[0]) and accuracy < 0.2


@pytest.mark.parametrize(("options", "says"), [({"epochs": 0}, "epochs: expected an integer of at least 1"),
                                               ({"scales": [0.0]}, r"scales: expected a finite number in \(0"),
                                               ({"rates": [-1.0]}, r"rates: expected a finite number in \(0")])
def test_bad_settings_are_refused(options, says):
    with pytest.raises(ValueError, match=says):
        figures.input_scale_rows(seeds=1, **options)

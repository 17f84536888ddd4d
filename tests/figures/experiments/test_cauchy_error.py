"""The figure of the Cauchy sum's error: what is measured, and what is drawn of it."""

import importlib

import numpy as np
import pytest

subject = importlib.import_module("feedbackalign.figures.experiments.cauchy_error")


@pytest.fixture(scope="module")
def measured():
    return subject.cauchy_error_rows(seeds=1, radii=(0.05, 0.5), points=(1, 2, 4, 8, 12), samples=4)


def one(rows, **wanted):
    (row,) = [row for row in rows if all(row[key] == value for key, value in wanted.items())]
    return row


def test_every_circle_is_measured_once_and_everything_settled(measured):
    assert len(measured) == 2 * 2 * 5
    assert max(row["residual"] for row in measured) <= 1e-12


def test_more_points_cure_the_derivative_and_not_the_gradient(measured):
    for radius in (0.05, 0.5):
        errors = [one(measured, angle=90.0, radius=radius, points=N)["to_tangent"] for N in (1, 2, 4, 8)]
        assert errors == sorted(errors, reverse=True) and errors[0] > 1e3 * errors[-1]
    assert one(measured, angle=90.0, radius=0.05, points=12)["to_truth"] > 0.1
    assert one(measured, angle=0.0, radius=0.05, points=12)["to_truth"] < 1e-9


def test_what_is_drawn_is_what_was_measured(measured):
    figure = subject.cauchy_error(measured)
    left, right = figure.axes
    assert len(left.lines) == 4 and len(right.lines) == 4
    for line, key, radius in zip(left.lines, ("to_tangent", "defect") * 2, (0.05, 0.05, 0.5, 0.5)):
        expected = [max(one(measured, angle=90.0, radius=radius, points=N)[key], subject.ROUNDING)
                    for N in (1, 2, 4, 8, 12)]
        np.testing.assert_allclose(line.get_ydata(), expected)

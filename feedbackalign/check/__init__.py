"""Checks with numbers: gradients against differences, and what is exactly true of every rule."""

from feedbackalign.check.diagnosis import GradientError
from feedbackalign.check.everything import run
from feedbackalign.check.gradients import STEP, GradientReport, check_gradients, numerical_gradient

__all__ = ["STEP", "GradientError", "GradientReport", "check_gradients", "numerical_gradient", "run"]

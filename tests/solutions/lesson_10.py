"""Lesson 10, depth."""

import math

import numpy as np

import feedbackalign as fa


def delta_angle(weight_angles):
    return float(np.rad2deg(np.arccos(np.cos(np.deg2rad(weight_angles)).prod())))


def delta_angle_layer_by_layer(weight_angles):
    kept = 1.0
    for degrees in weight_angles:
        kept *= math.cos(math.pi * degrees / 180)
    return math.degrees(math.acos(kept))


def error_below_block(error, v, B1, B2):
    hidden = np.where(v > 0, error @ B2, 0.0)
    return error + hidden @ B1


def error_below_block_by_the_package(error, v, B1, B2):
    inputs, hidden = B2.shape
    make = {"rng": np.random.default_rng(0), "dtype": np.float64, "bias": False}
    lower, upper = fa.layers.Linear(inputs, hidden, **make), fa.layers.Linear(hidden, inputs, **make)
    unit = fa.layers.ReLU()
    unit.forward(v)
    return lower.transport(unit.backward(upper.transport(error, B2)), B1) + error

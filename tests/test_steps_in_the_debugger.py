"""How many lines of the package a reader steps through in one training step."""

import pathlib
import sys

import numpy as np

import feedbackalign as fa

PACKAGE = str(pathlib.Path(fa.__file__).parent)


def lines_run(call):
    """The lines of the package that a call runs, as a debugger's `step` counts them."""
    count, before = 0, sys.gettrace()

    def trace(frame, event, _):
        nonlocal count
        if not frame.f_code.co_filename.startswith(PACKAGE):
            return None
        count += event == "line"
        return trace

    sys.settrace(trace)
    try:
        call()
    finally:
        sys.settrace(before)
    return count


def test_one_small_step_of_pfa_is_at_most_267_lines():
    net = fa.networks.mlp([64, 32, 10], rng=np.random.default_rng(0))
    rule = fa.rules.make("pfa", net, rng=np.random.default_rng(1), route="two-hop")
    sgd = fa.optimizer.SGD(lr=0.1, momentum=0.9, weight_decay=1e-4)
    x, labels = fa.data.digits().batch(32)
    fa.training.train_step(rule, sgd, x, labels)                                # the first step makes the velocities
    assert 100 < lines_run(lambda: fa.training.train_step(rule, sgd, x, labels)) <= 267

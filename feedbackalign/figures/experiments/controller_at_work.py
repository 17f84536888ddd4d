"""A controller at work on one sample: the output goes to its target, because every layer is pushed a little."""

import numpy as np

from feedbackalign.figures import looks, style
from feedbackalign.ops.norms import norm
from feedbackalign.rules.control.diagnostics import growth_rates, residuals
from feedbackalign.rules.control.dynamics import Controller, fixed_point, run
from feedbackalign.runs.rows import require_measured
from feedbackalign.training.threads import on_our_terms
from feedbackalign.validation import require_integer, require_seed

SIZES = (8, 12, 10, 3)
STEP = 0.8                          # of the target, in output units: large, to be seen
PRETRAINING = 600
COLOURS = ("#bf0b00", "#154aaa", "#20bf75", "#d4aa00", "#8a00ff")
KEYS = ("time", "output", "target", "control", "rest", "hidden", "left", "residual", "growth",
        "pretraining")


@on_our_terms()
def controller_at_work_rows(*, seed=0, steps=600, every=2, pretraining=PRETRAINING):
    """The data of the figure: one sample of a network 8-12-10-3 of tanh units, whose feedback has learnt asleep.

    Parameters
    ----------
    seed : int
        Of the network, the noise and the sample.
    steps : int
        Of the simulation: α = 0.02, k_p = 1.5, steps of 0.02 at τ = 0.2.
    every : int
        Steps between two rows.
    pretraining : int
        Sleep phases in which the feedback has learnt.

    Returns
    -------
    list of dict
        time, output, target, control (lists over output units), rest (the control of the exact steady state), hidden
        ({layer: deviation of every rate from its value without control}), left (the share of the error that is left),
        residual (distance to the steady state over the output's length), growth (of the linearised system, per time),
        pretraining.

    >>> rows = controller_at_work_rows(steps=100, every=50, pretraining=10)
    >>> [row["time"] for row in rows], rows[-1]["left"] < 0.5
    ([0.0, 1.0, 2.0], True)
    """
    seed = require_seed(seed)
    steps = require_integer(steps, "steps", low=1)
    every = require_integer(every, "every", low=1)
    pretraining = require_integer(pretraining, "pretraining", low=0)
    from feedbackalign.networks.jacobians import forward
    from feedbackalign.networks import mlp
    from feedbackalign.rules import make

    rng = np.random.default_rng(seed)
    network = mlp(list(SIZES), activation="tanh", loss="squared-error", rng=rng, dtype=np.float64)
    rule = make("dfc", network, rng=rng, pretraining=pretraining)
    samples = rng.normal(size=(64, SIZES[0]))
    rule.before_training([(samples, None)])
    seen = forward(rule.stages, samples[:1])
    step = rng.normal(size=(1, SIZES[-1]))
    target = seen.output + STEP * step / norm(step)
    rest = fixed_point(rule.stages, seen, target, rule.arrays(), rule.controller.damping).u
    growth = float(growth_rates(rule.stages, seen, rule.arrays(), rule.controller)[0])

    def row(state):
        return {"time": state.step * Controller().dt, "output": state.r[-1][0].tolist(), "target": target[0].tolist(),
                "control": state.u[0].tolist(), "rest": rest[0].tolist(),
                "hidden": {stage.name: (r - before)[0].tolist() for stage, r, before in
                           zip(rule.stages[:-1], state.r[1:], seen.post[1:])},
                "left": norm(target - state.r[-1]) / STEP,
                "residual": float(residuals(seen, state, target, rule.controller.damping)[0]), "growth": growth,
                "pretraining": pretraining}
    rows = [row(at_rest(rule, seen))]
    for state in run(rule.stages, seen, target, rule.arrays(), rule.controller, steps=steps):
        if state.step % every == 0:
            rows.append(row(state))
    return rows


def at_rest(rule, seen):
    """The state before the controller's first step."""
    from feedbackalign.rules.control.dynamics import State
    return State(rule.stages, seen)


def controller_at_work(rows):
    """Four panels over time: the outputs and their targets, the control, and the deviations of both hidden layers.

    rows : list of dict
        Of `controller_at_work_rows`.
    -> matplotlib.figure.Figure

    Raises
    ------
    NothingToShow
        If there are no rows.

    >>> figure = controller_at_work(controller_at_work_rows(steps=100, pretraining=10))
    >>> [axes.get_title() for axes in figure.axes][1:3]
    ['control, in the same colours', 'change of fc1, one line per unit']
    """
    rows = require_measured(rows, KEYS, "controller_at_work_rows")
    time = np.array([row["time"] for row in rows])
    layers = list(rows[0]["hidden"])
    with style.slide():
        figure = style.new_figure(f"A controller pushes all layers of a network a little at the same time:\n"
                                  f"at the end {100 * rows[-1]['left']:.1f} % of the output's error is left")
        grid = figure.add_gridspec(2, 2, left=0.065, right=0.985, top=0.84, bottom=0.2, wspace=0.16, hspace=0.36)
        panels = [figure.add_subplot(grid[place // 2, place % 2]) for place in range(2 + len(layers))]
        for axes in panels:
            style.grid(axes)
            axes.set_xlim(-0.01 * time[-1], time[-1])
        for axes in panels[-2:]:
            axes.set_xlabel("time (time constants of the controller)")
        _draw(panels[0], time, rows, "output", "target")
        _draw(panels[1], time, rows, "control", "rest")
        panels[0].set_title("output, one colour per unit")
        panels[1].set_title("control, in the same colours")
        low, high = _span(rows, layers)
        for axes, layer in zip(panels[2:], layers):
            axes.plot(time, [row["hidden"][layer] for row in rows], color="#154aaa", linewidth=1.3, alpha=0.75)
            axes.set_ylim(low, high)
            axes.set_title(f"change of {layer}, one line per unit")
        _legend(figure)
        usual, first, sizes = Controller(), rows[0], "-".join(map(str, SIZES))
        style.foot(figure, f"one sample, {sizes} tanh, feedback learnt in {first['pretraining']} "
                              f"sleep phases   ·   α = {usual.alpha:g}, k_p = {usual.k_p:g}, τ = {usual.tau:g}   ·   "
                              f"slowest mode: {-first['growth']:.2f} per time constant")
    return figure


def _draw(axes, time, rows, key, goal):
    """One line per unit, and dashed in its colour the value that it should reach."""
    for unit, end in enumerate(rows[0][goal]):
        colour = COLOURS[unit % len(COLOURS)]
        axes.axhline(end, color=colour, linestyle=looks.DASHED, linewidth=1.4)
        axes.plot(time, [row[key][unit] for row in rows], color=colour)


def _legend(figure):
    from matplotlib.lines import Line2D

    figure.legend(handles=[Line2D([], [], color="#444444", label="in time"),
                           Line2D([], [], color="#444444", linestyle=looks.DASHED, linewidth=1.4,
                                  label="target r*, and control of the exact steady state")],
                  loc="lower center", bbox_to_anchor=(0.5, 0.04), ncol=2, frameon=False, handlelength=3.2)


def _span(rows, layers):
    """One axis for all hidden layers, a little wider than what they do."""
    values = [value for row in rows for layer in layers for value in row["hidden"][layer]]
    margin = 0.08 * (max(values) - min(values)) or 1.0
    return min(values) - margin, max(values) + margin

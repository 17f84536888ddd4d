"""How much of an update changes weights and not the output: the null space, and which feedback learns to avoid it."""

import numpy as np

from feedbackalign.figures import style
from feedbackalign.figures.experiments import trained
from feedbackalign.figures.small_print import fill, seeds_of
from feedbackalign.ops.norms import norm
from feedbackalign.runs.rows import mean_at_end, mean_curves, require_measured
from feedbackalign.training.threads import on_our_terms
from feedbackalign.validation import require_integer

SIZES = (6, 6, 6, 2)
RULES = ("ddtp-linear", "dtp-drl", "dtp", "ddtp-control")
BATCH, PROBE = 32, 200
LOOKED = (0, 250, 500, 1000, 2000, 4000, 6000)
RANDOM = float(np.sqrt(1 - SIZES[-1] / SIZES[1]))           # the null space's share of a random direction's length


@on_our_terms()
def null_space_rows(*, seeds=5, updates=6000, rules=RULES, progress=None):
    """Train the feedback alone, by Adam at 2e-3, on 6-6-6-2 tanh networks with fixed random weights.

    Inputs are uniform in [−1, 1], targets normal, squared error.

    Parameters
    ----------
    seeds : int or sequence of int
    updates : int
        Of the feedback, in batches of 32.
    rules : sequence of str
    progress : callable, optional
        Called with every row.

    Returns
    -------
    list of dict
        rule, seed, epoch (updates of the feedback so far), null_space: ‖P ΔW‖ / ‖ΔW‖ of the first hidden layer, P the
        projection onto the null space of ∂output/∂W, per sample, mean over 200.
    """
    seeds = trained.seed_list(seeds)
    updates = require_integer(updates, "updates", low=0)
    rules = trained.rule_list(rules)
    return trained.collect((_train(rule, seed, updates)
                            for rule in rules for seed in seeds), progress)


def _train(name, seed, updates):
    from feedbackalign import rules
    from feedbackalign.networks import mlp

    inputs, weights, feedback = (np.random.default_rng(child) for child in np.random.SeedSequence(seed).spawn(3))
    network = mlp(SIZES, activation="tanh", loss="squared-error", init="xavier-normal", rng=weights, dtype=np.float64)
    rule = rules.make(name, network, rng=feedback, feedback_lr=2e-3)
    x, targets = inputs.uniform(-1, 1, size=(PROBE, SIZES[0])), inputs.normal(size=(PROBE, SIZES[-1]))
    for update in range(updates + 1):
        if update:
            rule.train_feedback(inputs.uniform(-1, 1, size=(BATCH, SIZES[0])))
        if update in LOOKED or update == updates:
            yield {"rule": name, "seed": seed, "epoch": update, "null_space": null_share(rule, x, targets)}


def null_share(rule, x, targets):
    """‖P ΔW‖ / ‖ΔW‖ of the first layer, mean over samples.

    A sample's update is s h₀ᵀ and its derivative of the output by W is J ⊗ h₀ᵀ, so the shares are those of s and J.
    """
    from feedbackalign.networks.jacobians import damped_pinv, forward, pre_jacobians, times

    seen = forward(rule.stages, x)
    signal = rule.signals(seen, rule.network.sample_errors(seen.output, targets))[0]       # (N, n)
    J = pre_jacobians(rule.stages, seen)[0]                                                 # (N, out, n)
    hidden = signal - times(damped_pinv(J), times(J, signal))
    return float((norm(hidden, axis=1) / norm(signal, axis=1)).mean())


def null_space(rows):
    """The null space's share of the first hidden layer's update, while the feedback learns.

    rows : list of dict
        Of `null_space_rows`.
    -> matplotlib.figure.Figure

    >>> rows = [{"rule": rule, "seed": 0, "epoch": epoch, "null_space": 0.5}
    ...         for rule in ("ddtp-linear", "dtp") for epoch in (0, 250)]
    >>> null_space(rows).axes[0].get_xlabel()
    'updates of the feedback'
    """
    rows = require_measured(rows, ("rule", "epoch", "null_space"), "null_space_rows")
    shares = mean_curves(rows, lambda row: row["null_space"])
    with style.slide():
        figure = style.new_figure("How much of an update changes weights and not the output")
        ends = {rule: f"{rule}  {mean_at_end(curve):.2f}" for rule, curve in shares.items()}
        small = fill([f"first hidden layer of random {'-'.join(map(str, SIZES))} tanh networks", seeds_of(rows),
                      "legend: means at the end"])
        bottom = style.foot(figure, small, shares, ends)
        axes = figure.add_axes((0.08, bottom, 0.9, 0.88 - bottom))
        style.draw_curves(axes, shares)
        style.epoch_axis(axes, shares, "updates of the feedback")
        axes.set_ylabel("‖part that leaves the output as it is‖ / ‖update‖", fontsize=14)
        axes.set_ylim(0, 1)
        axes.axhline(RANDOM, color="#8c8c8c", linewidth=1.2, zorder=1)
        axes.text(0.99, RANDOM + 0.012, f"random direction: {RANDOM:.2f}", transform=axes.get_yaxis_transform(),
                  ha="right", va="bottom", fontsize=13, color="#555555")
    return figure

"""What the layers did in each phase: a row per phase and layer, from the bottom.

    steps, residual         sweeps of the phase (None: as many as it takes), and the largest move of a rate in the last
    at_0, at_1              shares of the layer's rates that are exactly 0 and 1
    lateral_share           ‖2γ B r‖ / ‖e→/ε‖, how strongly the lateral weights act beside the prediction errors
    information_forward, information_backward       what the layer shares with the layer below, and with the one above
                            (None at the top): two pairs of layers, so two numbers. Each is a lower bound, far below
                            0 where predictions are still poor; see `information.layer_information`
"""

from feedbackalign.ops.norms import norm
from feedbackalign.rules.information.dynamics import backward_error, forward_error
from feedbackalign.rules.information.exact_gradients import settle_exactly
from feedbackalign.rules.information.feasible_sets import WITH_DUAL
from feedbackalign.rules.information.information import layer_information


def rows(rule, x, targets):
    """The rows of one batch, for a float64 twin of a `CorInfoMax` rule, which they leave as it is but for its phases.

    The third phase is settled to the end, as the implicit reference is; sparse layers do not have it.
    """
    x = rule.admit(x)
    targets = rule.wanted(targets, len(x))
    free, free_residual = rule.free_phase(x)
    nudged, nudged_residual = rule.nudged_phase(x, targets, free, rule.beta)
    phases = [("free", 0.0, rule.free_steps, free, free_residual),
              ("nudged", rule.beta, rule.nudged_steps, nudged, nudged_residual)]
    if not set(rule.sets) & set(WITH_DUAL):
        phases.append(("free, for the references", 0.0, None, *settle_exactly(rule.neurons, rule.populations(), x)))
    return [{"phase": phase, "beta": beta, "layer": layer.name, "steps": steps, "residual": residual,
             **of_layer(rule, x, k, activities)}
            for phase, beta, steps, activities, residual in phases for k, layer in enumerate(rule.layers)]


def of_layer(rule, x, k, activities):
    """What layer k did: see above."""
    populations, epsilon, rates = rule.populations(), rule.neurons.epsilon, activities[k].rates
    error, B = forward_error(populations, k, x, activities), populations[k].lateral
    missed = norm(error) / epsilon
    drive = 0.0 if B is None else 2 * rule.neurons.gamma * norm(rates @ B)
    backward = None if populations[k].is_top else layer_information(
        rates, backward_error(populations, k, activities), epsilon)
    return {"at_0": float((rates == 0).mean()), "at_1": float((rates == 1).mean()),
            "lateral_share": drive / missed if missed else None,
            "information_forward": layer_information(rates, error, epsilon), "information_backward": backward}

"""What is exactly true of the rules with a closed form, as numbers for `feedbackalign check`.

Every truth takes a rule's class and a Generator and yields (what, value, tolerance): see `Rule.own_truths`.
"""

import numpy as np

from feedbackalign.alignment import relative_distance
from feedbackalign.networks import small
from feedbackalign.optimizer import SGD
from feedbackalign.rules.base import take_step
from feedbackalign.rules.product.explicit import replaced


def formula_is_the_rule(kind, rng):
    """20 steps by the closed form and by each explicit route end at the same W and the same feedback.

    A subclass with lines of its own, which never takes the closed form, is compared with the published rule's.
    """
    for explicit in kind.routes[:-1]:
        seed = int(rng.integers(2**32))
        own, plain = after_20_steps(kind, explicit, seed)
        by_formula, _ = after_20_steps(plain if replaced(kind, plain) else kind, "closed-form", seed)
        gap = relative_distance(by_formula, own)
        yield f"W and feedback by the closed form against the {explicit} route, after 20 steps", gap, 1e-12


def after_20_steps(kind, route, seed):
    """({name: W or feedback}, the published rule's class): 20 steps under changing rates, the same for every route."""
    rng = np.random.default_rng(seed)
    network, x, labels = small.kinked_images(rng)
    rule = kind(network, rng=rng, route=route)
    plain, optimizer = rule.way.plain, SGD(lr=0.05, momentum=0.9)
    for step in range(20):
        optimizer.lr, optimizer.weight_decay = (0.05, 0.03) if step < 10 else (0.02, 1e-3)
        take_step(rule, optimizer, x, labels)
    feedback = {f"{layer.name} feedback": rule.feedback_weights(layer.name) for layer in network.weighted_layers()}
    return network.parameters() | feedback, plain


def formula_reads_W(kind, rng):
    """In the closed form the errors move when W becomes noise after the forward pass; explicit, none does."""
    for name, network, x, labels in kind.small_networks(rng):
        rule = kind(network, rng=rng)
        take_step(rule, SGD(lr=0.05, weight_decay=0.01), x, labels)
        if rule.notes()["route"] == "explicit":
            return
        output = network.forward(x)
        before = {layer: error.copy() for layer, error in rule.sent_down(output, labels).items()}
        for layer in network.weighted_layers():
            layer.weight[...] = rng.normal(size=layer.weight.shape)
        moved = relative_distance(rule.sent_down(output, labels), before)
        yield f"the closed form computes with W: errors change when W becomes noise, {name}", moved, 0.01, "at least"

"""What is exactly true of each rule, measured now and shown as a number: the second half of `feedbackalign check`.

    matched          in the state that a rule names, all its gradients are backprop's
    transported      what of W is read on the way down: W is replaced by noise after the forward pass, and either
                     nothing moves by a bit, or nothing moves as long as the signs stay, or everything does
    surrogate        a linear way down is the exact adjoint of the network with the feedback weights in W's place
    measuring        looking at a rule changes nothing
    own truths       what the rule itself says is exactly true of it

What applies to a rule follows from its `small_networks` and from what it declares (`matches_backprop`,
`reads_forward_weights`, `own_truths`), so a rule of one's own is checked by the same lines.
"""

import copy
import math

import numpy as np

from feedbackalign import alignment
from feedbackalign.alignment import relative_distance
from feedbackalign.networks import Network
from feedbackalign.rules import TABLE, ErrorSendingRule, find, make
from feedbackalign.rules.user_file import place_of


def row(what, value, tolerance, *, at_least=False):
    """One line of the report. The value must not exceed the tolerance; with `at_least` it must, and the line says so.

    Of several values the largest counts, and NaN, if one is among them.

    >>> row("a sum", 0.0, 1e-12)
    {'what': 'a sum', 'value': 0.0, 'tolerance': 1e-12, 'passed': True}
    """
    value, tolerance = float(np.max(value)), float(tolerance)
    passed = value > tolerance if at_least else value <= tolerance                          # NaN never passes
    return {"what": f"{what} (the number must lie ABOVE the tolerance)" if at_least else what, "value": value,
            "tolerance": tolerance, "passed": passed}


def rows(rules=None, seed=0, on_error=None):
    """Every truth of every rule, one row after the other: names of the table or classes, the whole table if None.

    >>> next(rows(["fa"]))["what"]
    "fa: matches_backprop = 'any network': gradients against backprop's once matched, dense"
    """
    for number, rule in enumerate(TABLE if rules is None else rules):
        rng = np.random.default_rng([seed, number])
        kind = find(rule)
        label, seen = rule if isinstance(rule, str) else kind.__name__, set()
        for truth in (matched, transported, surrogate, *kind.own_truths, measuring):
            try:
                for what, *numbers in truth(kind, rng):
                    yield row(f"{label}: {what}", *numbers[:2], at_least=len(numbers) > 2)
            except Exception as error:                      # a faulty rule of one's own must not hide what comes after
                place = place_of(error)
                why = " ".join(f"{f'{place}: ' if place else ''}{type(error).__name__}: {error}".split())
                if why not in seen:
                    if on_error:
                        on_error(error)
                    yield row(f"{label}: {truth.__name__.replace('_', ' ')}: {why}", math.nan, 0.0)
                seen.add(why)


def tried(kind, networks, rng):
    """(name of the network, rule, x, labels) on each of these; where x is an image, a rule that refuses is left out."""
    for name, network, x, labels in networks:
        try:
            rule = make(kind, network, rng=rng)
        except (ValueError, NotImplementedError):
            if x.ndim == 2:
                raise
            continue
        yield name, rule, x, labels


def without_units(networks):
    """The dense networks among these, linear: the same weights with no unit between them."""
    for name, network, x, labels in networks:
        if x.ndim == 2:
            yield name, Network([layer for layer in network.layers if layer.is_weighted]), x, labels


# ---------------------------------------------------------------------------------------------------------- the truths

def matched(kind, rng):
    """In its matched state the rule's gradients are backprop's."""
    claim, networks = kind.matches_backprop, kind.small_networks(rng)
    if claim == "never":
        return
    for name, rule, x, labels in tried(kind, without_units(networks) if claim == "linear network" else networks, rng):
        rule.match_to_backprop()
        gap = relative_distance(rule.gradients(x, labels).grads, rule.backprop_gradients(x, labels))
        yield f"matches_backprop = {claim!r}: gradients against backprop's once matched, {name}", gap, 1e-12


def transported(kind, rng):
    """What goes down (errors, or moves towards targets) moves with W exactly where the rule says that it reads W."""
    reads = kind.reads_forward_weights
    claim = f"reads_forward_weights = {reads!r}: what goes down"
    for name, rule, x, labels in tried(kind, kind.small_networks(rng), rng):
        if not rule.sent_down(rule.network.forward(x), labels):
            return
        if reads == "no":
            yield f"{claim} is unchanged when W becomes noise, {name}", movement(rule, x, labels, rng), 0.0
        if reads == "signs":
            moved = movement(rule, x, labels, rng, keep_signs=True)
            yield f"{claim} is unchanged when W becomes noise of the same signs, {name}", moved, 0.0
        if reads in ("signs", "yes"):
            yield f"{claim} changes when W becomes noise, {name}", movement(rule, x, labels, rng), 0.01, "at least"


def movement(rule, x, labels, rng, keep_signs=False):
    """The largest relative change of what goes down, where W has become noise since the forward pass."""
    rule = copy.deepcopy(rule)
    output = rule.network.forward(x)                                                        # (N, out)
    before = {name: sent.copy() for name, sent in rule.sent_down(output, labels).items()}
    for layer in rule.network.weighted_layers():
        noise = rng.normal(size=layer.weight.shape)
        layer.weight[...] = np.abs(noise) * np.sign(layer.weight) if keep_signs else noise
    return relative_distance(rule.sent_down(output, labels), before)


def surrogate(kind, rng):
    """⟨e_L, J_L … J_{l+1} v⟩ = ⟨e_l, v⟩, J the layers with the feedback weights in W's place."""
    if not issubclass(kind, ErrorSendingRule):
        return
    for name, rule, x, labels in tried(kind, kind.small_networks(rng), rng):
        names = [layer.name for layer in rule.network.weighted_layers()]
        if any(rule.feedback_weights(name) is None for name in names):
            return
        bend = nonlinearity(rule, x, labels, rng)
        if not bend <= 1e-8:
            what = f"send_back is not linear in the error, so no network's backprop is compared with it, {name}"
            yield what, bend, 1e-8, "at least"
            continue
        errors = {layer: error.copy() for layer, error in rule.gradients(x, labels).errors.items()}
        top = rule.output_error.copy()                      # e_L: of the top layer, or above what stands on it
        inputs = [layer.input for layer in rule.network.layers]
        twin = copy.deepcopy(rule.network)
        for layer in names:
            twin.layer(layer).weight[...] = rule.feedback_weights(layer)
        gaps = []
        for layer in names[:-1]:
            v = rng.normal(size=errors[layer].shape)
            terms = top * pushed_up(twin, inputs, layer, v)                   # (N, out)
            gaps.append(abs(float(terms.sum() - (errors[layer] * v).sum())) / float(np.abs(terms).sum()))
        yield f"errors are backprop's in the network with feedback_weights in W's place, {name}", gaps, 1e-8


def nonlinearity(rule, x, labels, rng):
    """How far send_back(2 e1 − 3 e2) lies from 2 send_back(e1) − 3 send_back(e2), relatively, in the worst layer."""
    rule = copy.deepcopy(rule)
    errors = rule.gradients(x, labels).errors

    def sent(name, error):                                  # each time from the same state, random streams too
        own = copy.deepcopy(rule)
        return own.send_back(own.network.layer(name), error)
    bends = []
    for layer in rule.network.weighted_layers()[1:]:
        e1 = errors[layer.name]
        e2 = e1.std() * rng.normal(size=e1.shape)
        apart = 2.0 * sent(layer.name, e1) - 3.0 * sent(layer.name, e2)
        bends.append(relative_distance({"sent": sent(layer.name, 2.0 * e1 - 3.0 * e2)}, {"sent": apart}))
    return float(np.max(bends))                             # NaN stays NaN


def pushed_up(net, inputs, name, v, h=1e-5):
    """J_L … J_{l+1} v by central differences, layer by layer, each at the input that it saw in the forward pass."""
    above = False
    for layer, seen in zip(net.layers, inputs):
        if above:
            v = (layer.forward(seen + h * v) - layer.forward(seen - h * v)) / (2 * h)
        above = above or layer.name == name
    return v


def measuring(kind, rng):
    """Looking changes nothing: network, rule, random streams and memories of the last pass, byte for byte."""
    for name, rule, x, labels in tried(kind, kind.small_networks(rng), rng):
        rule.gradients(x, labels)
        before = fingerprint(rule)
        rule.references(x, labels)
        rule.predict(x)
        rule.trace(x, labels)
        for measure in (alignment.update_angles, alignment.delta_angles):
            measure(rule, x, labels)
        for measure in (alignment.weight_angles, alignment.norm_ratios, alignment.reciprocity):
            measure(rule)
        after = fingerprint(rule)
        changed = sum(before.get(key) != after.get(key) for key in before | after)
        yield f"arrays changed by measuring (references, predict, trace, angles), {name}", changed, 0.0


def fingerprint(rule):
    """{name: bytes} of all that measuring must leave alone."""
    arrays = rule.network.parameters() | rule.network.state() | rule.state()
    for layer in rule.network.all_layers():
        held = vars(layer) | {f"gradients {key}": array for key, array in getattr(layer, "gradients", {}).items()}
        arrays |= {f"{layer.name}: {key}": value for key, value in held.items() if isinstance(value, np.ndarray)}
    return {name: np.asarray(array).tobytes() for name, array in arrays.items()}

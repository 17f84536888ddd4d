"""What is exactly true of each rule, measured now and shown as a number: the second half of `feedbackalign check`.

    matched          in the state that a rule names, all its gradients are backprop's
    transported      what of W the errors or targets read: W is replaced by noise after the forward pass, and either
                     nothing moves by a bit, or nothing moves as long as the signs stay, or everything does
    signs            feedback that follows W's signs follows them through any number of flips
    surrogate        a linear way down is the exact adjoint of the network with the feedback weights in W's place
    closed form      learned feedback by formula and by gradients: the same W after 20 steps
    expectation      the mean of many perturbation estimates is the gradient
    mirror           B drifts to W, and stays there
    own              what the rule itself says is exactly true of it (`own_truths`): the rules that settle, for one
    measuring        looking at a rule changes nothing

What applies to a rule follows from what it declares (`takes`, `matches_backprop`, `reads_forward_weights`) and shows,
so a rule of one's own is checked by the same lines.
"""

import copy
import functools
import math

import numpy as np

from feedbackalign import alignment
from feedbackalign import rules as rule_table
from feedbackalign.layers import AvgPool2d, Conv2d, Flatten, Linear, MaxPool2d, ReLU, Tanh
from feedbackalign.networks import Network, mlp
from feedbackalign.networks.jacobians import last_pass
from feedbackalign.optimizer import SGD
from feedbackalign.rules.perturbation import NodePerturbation, WeightPerturbation
from feedbackalign.rules.product.closed_form import ClosedForm
from feedbackalign.rules.product.kolen_pollack import KolenPollack
from feedbackalign.rules.weight_mirror import WeightMirror
from feedbackalign.training.loop import train_step


def row(what, value, tolerance, *, at_least=False):
    """One line of the report: the value must not exceed the tolerance, or, with `at_least`, must, and the line says so.

    >>> row("a sum", 0.0, 1e-12)
    {'what': 'a sum', 'value': 0.0, 'tolerance': 1e-12, 'passed': True}
    """
    value, tolerance = float(value), float(tolerance)
    passed = value > tolerance if at_least else value <= tolerance                          # NaN never passes
    return {"what": f"{what} (the number must lie ABOVE the tolerance)" if at_least else what, "value": value,
            "tolerance": tolerance, "passed": passed}


def rows(rules=None, seed=0):
    """Every truth of every rule, one row after the other: names of the table or classes, the whole table if None.

    >>> next(rows(["fa"]))["what"]
    "fa: matches_backprop = 'any network': gradients against backprop's once matched, dense"
    """
    for number, rule in enumerate(rule_table.TABLE if rules is None else rules):
        rng = np.random.default_rng([seed, number])
        kind = rule_table.find(rule)
        label, told = rule if isinstance(rule, str) else kind.__name__, set()
        for truth in (matched, transported, signs, surrogate, closed_form, expectation, mirror, own, measuring):
            try:
                for what, *numbers in truth(kind, rng):
                    yield row(f"{label}: {what}", *numbers[:2], at_least=len(numbers) > 2)
            except Exception as error:                      # a faulty rule of one's own must not hide what comes after
                why = " ".join(f"{type(error).__name__}: {error}".split())
                if why not in told:
                    yield row(f"{label}: {truth.__name__.replace('_', ' ')}: {why}", math.nan, 0.0)
                told.add(why)


# ---------------------------------------------------------------------------------------------------- what to check on

def dense_case(rng, *, activation="tanh", loss="cross-entropy"):
    """A small dense network with a batch: (net, x (6, 5), labels (6,))."""
    net = mlp([5, 6, 4, 3], activation=activation, loss=loss, rng=rng, dtype=np.float64)
    return _with_biases(net, rng), rng.normal(size=(6, 5)), rng.integers(3, size=6)


def wide_case(rng, *, activation="tanh"):
    """A dense network wide enough to tell feedback of low rank from W: (net, x (8, 12), labels (8,))."""
    net = mlp([12, 20, 16, 10], activation=activation, rng=rng, dtype=np.float64)
    return _with_biases(net, rng), rng.normal(size=(8, 12)), rng.integers(10, size=8)


def image_case(rng, *, loss="cross-entropy"):
    """A small convolutional network with kinks, strides, padding and pools: (net, x (4, 2, 7, 6), labels (4,))."""
    make = {"rng": rng, "dtype": np.float64}
    net = Network([Conv2d(2, 3, (3, 2), padding=1, **make), ReLU(), MaxPool2d(2, 1),        # (2, 7, 6) -> (3, 6, 6)
                   Conv2d(3, 4, 3, stride=2, padding=1, **make), Tanh(), AvgPool2d(2, 1),   # -> (4, 2, 2)
                   Flatten(), Linear(16, 3, **make)], input_shape=(2, 7, 6), loss=loss)
    return _with_biases(net, rng), rng.normal(size=(4, 2, 7, 6)), rng.integers(3, size=4)


def smooth_image_case(rng):
    """The same kind of network without kinks, for derivatives by differences."""
    make = {"rng": rng, "dtype": np.float64}
    net = Network([Conv2d(2, 3, 3, padding=1, **make), Tanh(),                              # (2, 7, 6) -> (3, 7, 6)
                   Conv2d(3, 4, (2, 3), stride=2, padding=1, **make), Tanh(), AvgPool2d(2),     # -> (4, 2, 1)
                   Flatten(), Linear(8, 3, **make)], input_shape=(2, 7, 6))
    return _with_biases(net, rng), rng.normal(size=(4, 2, 7, 6)), rng.integers(3, size=4)


def settling_case(rng):
    """A small dense network that settles, with a batch: (net, x (6, 5), labels (6,))."""
    net, x, labels = dense_case(rng)
    return _scaled(net), x, labels


def settling_image_case(rng):
    """A small convolutional network that settles, pooled by means: (net, x (4, 2, 7, 6), labels (4,))."""
    make = {"rng": rng, "dtype": np.float64}
    net = Network([Conv2d(2, 3, (3, 2), padding=1, **make), AvgPool2d(2), Tanh(),           # (2, 7, 6) -> (3, 3, 3)
                   Flatten(), Linear(27, 5, **make), Tanh(), Linear(5, 3, **make)], input_shape=(2, 7, 6))
    return _scaled(_with_biases(net, rng)), rng.normal(size=(4, 2, 7, 6)), rng.integers(3, size=4)


CASES = {"any network": (dense_case, image_case), "dense networks": (dense_case,),
         "networks that settle": (settling_case, settling_image_case)}


def _scaled(net):
    """Weights half as large: then it settles."""
    for layer in net.weighted_layers():
        layer.weight *= 0.5
    return net


def _with_biases(net, rng):
    """Biases away from zero: there they would hide mistakes."""
    for name, array in net.parameters().items():
        if name.endswith("bias"):
            array[...] = 0.3 * rng.normal(size=array.shape)
    return net


def _made(kind, rng, *cases, **options):
    """(shape word, rule, x, labels) on each of these cases; a rule for dense layers alone is left out elsewhere."""
    for case in cases:
        net, x, labels = case(rng)
        try:
            rule = rule_table.make(kind, net, rng=rng, **options)
        except (ValueError, NotImplementedError):
            if x.ndim == 2:
                raise
            continue
        yield "convolutional" if x.ndim == 4 else "wide dense" if x.shape[1] > 8 else "dense", rule, x, labels


def backprop(net, x, labels):
    """The exact gradient, on a copy: {"fc1.weight": array, …}."""
    net = copy.deepcopy(net)
    return net.backward(net.loss_error(net.forward(x), labels))


def worst_relative(ours, exact):
    """The largest ‖ours − exact‖ / ‖exact‖ over the arrays of `exact`, {name: array}; absolute where exact is zero."""
    return max(float(np.linalg.norm(ours[name] - array)) / (float(np.linalg.norm(array)) or 1.0)
               for name, array in exact.items())


# ---------------------------------------------------------------------------------------------------------- the truths

def matched(kind, rng):
    """Truth 1: in its matched state the rule's gradients are backprop's."""
    claim = kind.matches_backprop
    cases = {"always": (dense_case, wide_case, image_case), "any network": (dense_case, wide_case, image_case),
             "linear network": [functools.partial(case, activation="identity") for case in (dense_case, wide_case)],
             "never": ()}
    for word, rule, x, labels in _made(kind, rng, *cases[claim]):
        rule.match_to_backprop()
        gap = worst_relative(rule.gradients(x, labels).grads, backprop(rule.network, x, labels))
        yield f"matches_backprop = {claim!r}: gradients against backprop's once matched, {word}", gap, 1e-12


def transported(kind, rng):
    """Truth 5: which errors or targets move when W becomes noise after the forward pass."""
    if not issubclass(kind, (rule_table.ErrorSendingRule, rule_table.TargetRule)):
        return
    what = "targets" if issubclass(kind, rule_table.TargetRule) else "errors"
    for word, rule, x, labels in _made(kind, rng, dense_case, image_case):
        reads = kind.reads_forward_weights
        claim = f"reads_forward_weights = {reads!r}: {what}"
        if reads == "no":
            yield f"{claim} unchanged when W becomes noise, {word}", _movement(rule, x, labels, rng), 0.0
        if reads == "signs":
            moved = _movement(rule, x, labels, rng, keep_signs=True)
            yield f"{claim} unchanged when W becomes noise of the same signs, {word}", moved, 0.0
        if reads in ("signs", "yes"):
            yield f"{claim} change when W becomes noise, {word}", _movement(rule, x, labels, rng), 0.01, "at least"
        if isinstance(rule, ClosedForm):
            train_step(rule, SGD(lr=0.05, weight_decay=0.01), x, labels)                    # from here on: the formula
            yield (f"the closed form computes with W: errors change when W becomes noise, {word}",
                   _movement(rule, x, labels, rng), 0.01, "at least")


def _movement(rule, x, labels, rng, keep_signs=False):
    """The largest relative change of an error or target that was sent, W having become noise since the forward pass."""
    rule = copy.deepcopy(rule)
    net = rule.network
    output = net.forward(x)                                                                 # (N, out)
    if isinstance(rule, rule_table.TargetRule):
        seen, top = last_pass(rule.stages, output), -rule.target_step * net.sample_errors(output, labels)

        def send():
            return dict(enumerate(rule.checked_moves(seen, top)))
    else:
        error = net.loss_error(output, labels)

        def send():
            return rule.backward(error).errors
    before = {name: sent.copy() for name, sent in send().items()}
    for layer in net.weighted_layers():
        noise = rng.normal(size=layer.weight.shape)
        layer.weight[...] = np.abs(noise) * np.sign(layer.weight) if keep_signs else noise
    return worst_relative(send(), before)


def signs(kind, rng):
    """Truth 6: sign(feedback) = sign(W), zero where W is zero, after any number of flips."""
    if kind.reads_forward_weights != "signs":
        return
    for word, rule, x, labels in _made(kind, rng, dense_case, image_case):
        wrong = 0
        for _ in range(4):
            for layer in rule.network.weighted_layers():
                layer.weight *= rng.choice([-1.0, 1.0], size=layer.weight.shape)
                layer.weight.flat[0] = 0.0
            rule.gradients(x, labels)
            wrong += sum(int((np.sign(rule.feedback_weights(layer.name)) != np.sign(layer.weight)).sum())
                         for layer in rule.network.weighted_layers())
            for layer in rule.network.weighted_layers():
                layer.weight.flat[0] = 1.0
        yield f"reads_forward_weights = 'signs': feedback signs unlike W's after W's have flipped, {word}", wrong, 0.0


def surrogate(kind, rng):
    """Truth 7: ⟨e_L, J_L … J_{l+1} v⟩ = ⟨e_l, v⟩, J the layers with the feedback weights in W's place."""
    if not issubclass(kind, rule_table.ErrorSendingRule):
        return
    for word, rule, x, labels in _made(kind, rng, dense_case, smooth_image_case):
        names = [layer.name for layer in rule.network.weighted_layers()]
        if any(rule.feedback_weights(name) is None for name in names):
            return
        bend = _nonlinearity(rule, x, labels, rng)
        if not bend <= 1e-8:
            what = f"send_back is not linear in the error, so no network's backprop is compared with it, {word}"
            yield what, bend, 1e-8, "at least"
            continue
        errors = {name: error.copy() for name, error in rule.gradients(x, labels).errors.items()}
        inputs = [layer.input for layer in rule.network.layers]
        twin = copy.deepcopy(rule.network)
        for name in names:
            twin.layer(name).weight[...] = rule.feedback_weights(name)
        gaps = []
        for name in names[:-1]:
            v = rng.normal(size=errors[name].shape)
            at_top = _pushed_up(twin, inputs, name, v)                                      # (N, out)
            terms = errors[names[-1]] * at_top
            gaps.append(abs(float(terms.sum() - (errors[name] * v).sum())) / float(np.abs(terms).sum()))
        yield f"errors are backprop's in the network with feedback_weights in W's place, {word}", max(gaps), 1e-8


def _nonlinearity(rule, x, labels, rng):
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
        bends.append(worst_relative({"sent": sent(layer.name, 2.0 * e1 - 3.0 * e2)}, {"sent": apart}))
    return float(np.max(bends))                             # NaN stays NaN


def _pushed_up(net, inputs, name, v, h=1e-5):
    """J_L … J_{l+1} v by central differences, layer by layer, each at the input that it saw in the forward pass."""
    above = False
    for layer, seen in zip(net.layers, inputs):
        if above:
            v = (layer.forward(seen + h * v) - layer.forward(seen - h * v)) / (2 * h)
        above = above or layer.name == name
    return v


def closed_form(kind, rng):
    """Truth 3: 20 steps by the formula and by an explicit route end at the same W and the same feedback."""
    if not issubclass(kind, ClosedForm):
        return
    for explicit in ("explicit",) if issubclass(kind, KolenPollack) else ("two-hop", "contracted"):
        seed = int(rng.integers(2**32))
        ends = []
        for route in (explicit, "closed-form"):
            own = np.random.default_rng(seed)
            net, x, labels = image_case(own)
            rule = rule_table.make(kind, net, rng=own, route=route)
            optimizer = SGD(lr=0.05, momentum=0.9)
            for step in range(20):
                optimizer.lr, optimizer.weight_decay = (0.05, 0.03) if step < 10 else (0.02, 1e-3)
                train_step(rule, optimizer, x, labels)
            feedback = {f"{layer.name} feedback": rule.feedback_weights(layer.name) for layer in net.weighted_layers()}
            ends.append(net.parameters() | feedback)
        gap = worst_relative(ends[1], ends[0])
        yield f"W and feedback by the closed form against the {explicit} route, after 20 steps", gap, 1e-12


def expectation(kind, rng, draws=4000):
    """Truth 6: the mean of many estimates lies as far from the gradient as its own scatter says, which is 1."""
    if not issubclass(kind, (WeightPerturbation, NodePerturbation)):
        return
    for _, rule, x, labels in _made(kind, rng, dense_case):
        exact = _flat(backprop(rule.network, x, labels))
        estimates = np.array([_flat(rule.gradients(x, labels).grads) for _ in range(draws)])    # (draws, parameters)
        scatter = np.sqrt(estimates.var(axis=0).sum() / draws)
        distance = np.linalg.norm(estimates.mean(axis=0) - exact) / scatter
        yield f"distance from the mean of {draws} estimates to the gradient, in standard errors", distance, 2.0
        yield "the gradient's own length, in the same standard errors", np.linalg.norm(exact) / scatter, 4.0, "at least"


def _flat(grads):
    return np.concatenate([grads[name].ravel() for name in sorted(grads)])


def mirror(kind, rng):
    """B's fixed point under the mirror phase is W: noise of many samples, from a random start."""
    if not issubclass(kind, WeightMirror):
        return
    for word, rule, x, labels in _made(kind, rng, dense_case, image_case, mirror_rate=0.2):
        rule.gradients(x, labels)
        shapes = {layer.name: (1500, *layer.input.shape[1:]) for layer in rule.network.weighted_layers()}
        for _ in range(40):
            for layer in rule.network.weighted_layers():
                rule.mirror(layer, shapes[layer.name])
        gap = max(alignment.angle(rule.B[layer.name], layer.weight) for layer in rule.network.weighted_layers())
        length = max(abs(ratio - 1) for ratio in alignment.norm_ratios(rule).values())
        yield f"degrees between B and W after the mirror phase, {word}", gap, 4.0
        yield f"|B| / |W| minus 1 after the mirror phase, {word}", length, 0.05


def own(kind, rng):
    """What the rule itself says is exactly true of it."""
    yield from kind.own_truths(rng)


def measuring(kind, rng):
    """Looking changes nothing: network, rule, random streams and memories of the last pass, byte for byte."""
    for word, rule, x, labels in _made(kind, rng, *CASES[kind.takes]):
        rule.gradients(x, labels)
        before = _fingerprint(rule)
        rule.references(x, labels)
        rule.predict(x)
        rule.trace(x, labels)
        for measure in (alignment.update_angles, alignment.delta_angles):
            measure(rule, x, labels)
        for measure in (alignment.weight_angles, alignment.norm_ratios, alignment.reciprocity):
            measure(rule)
        after = _fingerprint(rule)
        changed = sum(before.get(key) != after.get(key) for key in before | after)
        yield f"arrays changed by measuring (references, predict, trace, angles), {word}", changed, 0.0


def _fingerprint(rule):
    """{name: bytes} of all that measuring must leave alone."""
    arrays = rule.network.parameters() | rule.network.state() | rule.state()
    for layer in rule.network.all_layers():
        held = vars(layer) | {f"gradients {key}": array for key, array in getattr(layer, "gradients", {}).items()}
        arrays |= {f"{layer.name}: {key}": value for key, value in held.items() if isinstance(value, np.ndarray)}
    return {name: np.asarray(array).tobytes() for name, array in arrays.items()}

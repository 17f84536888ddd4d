"""What is exactly true of each rule, measured now and shown as a number: the second half of `feedbackalign check`.

    matched          in the state that a rule names, all its gradients are backprop's
    transported      what of W the errors read: W is replaced by noise after the forward pass, and either nothing moves
                     by a bit, or nothing moves as long as the signs stay, or everything does
    signs            feedback that follows W's signs follows them through any number of flips
    surrogate        the way down is the exact adjoint of the network with the feedback weights in W's place
    closed form      learned feedback by formula and by gradients: the same W after 20 steps
    expectation      the mean of many perturbation estimates is the gradient
    mirror           B drifts to W, and stays there
    measuring        looking at a rule changes nothing

What applies to a rule follows from what it declares (`matches_backprop`, `reads_forward_weights`, `feedback_weights`),
so a rule of one's own is checked by the same lines.
"""

import copy

import numpy as np

from feedbackalign import alignment
from feedbackalign import rules as rule_table
from feedbackalign.layers import AvgPool2d, Conv2d, Flatten, Linear, MaxPool2d, ReLU, Tanh
from feedbackalign.networks import Network, mlp
from feedbackalign.optimizer import SGD
from feedbackalign.rules.closed_form import ClosedForm
from feedbackalign.rules.kolen_pollack import KolenPollack
from feedbackalign.rules.perturbation import NodePerturbation, WeightPerturbation
from feedbackalign.rules.weight_mirror import WeightMirror
from feedbackalign.training import train_step


def row(what, value, tolerance, *, at_least=False):
    """One line of the report: the value must not exceed the tolerance, or, with `at_least`, must exceed it.

    >>> row("a sum", 0.0, 1e-12)
    {'what': 'a sum', 'value': 0.0, 'tolerance': 1e-12, 'passed': True}
    """
    value, tolerance = float(value), float(tolerance)
    passed = value > tolerance if at_least else value <= tolerance                          # NaN never passes
    return {"what": f"{what} (must exceed)" if at_least else what, "value": value, "tolerance": tolerance,
            "passed": passed}


def rows(rules=None, seed=0):
    """Every truth of every rule, one row after the other: names of the table or classes, the whole table if None.

    >>> [row["what"] for row in rows(["fa"])][:2]
    ['fa: matched, dense, against backprop', 'fa: matched, convolutional, against backprop']
    """
    for number, rule in enumerate(rule_table.TABLE if rules is None else rules):
        rng = np.random.default_rng([seed, number])
        kind = rule_table.find(rule)
        label = rule if isinstance(rule, str) else kind.__name__
        for truth in (matched, transported, signs, surrogate, closed_form, expectation, mirror, measuring):
            for what, *numbers in truth(kind, rng):
                yield row(f"{label}: {what}", *numbers[:2], at_least=len(numbers) > 2)


# ---------------------------------------------------------------------------------------------------- what to check on

def dense_case(rng, *, activation="tanh", loss="cross-entropy"):
    """A small dense network with a batch: (net, x (6, 5), labels (6,))."""
    net = mlp([5, 6, 4, 3], activation=activation, loss=loss, rng=rng, dtype=np.float64)
    return _with_biases(net, rng), rng.normal(size=(6, 5)), rng.integers(3, size=6)


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
        yield "dense" if x.ndim == 2 else "convolutional", rule, x, labels


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
    cases = {"always": (dense_case, image_case), "any network": (dense_case, image_case),
             "linear network": (lambda rng: dense_case(rng, activation="identity"),), "never": ()}
    for word, rule, x, labels in _made(kind, rng, *cases[kind.matches_backprop]):
        rule.match_to_backprop()
        yield f"matched, {word}, against backprop", worst_relative(rule.gradients(x, labels).grads,
                                                                  backprop(rule.network, x, labels)), 1e-12


def transported(kind, rng):
    """Truth 5: which errors move when W becomes noise after the forward pass."""
    for word, rule, x, labels in _made(kind, rng, dense_case, image_case):
        if not isinstance(rule, rule_table.ErrorSendingRule):
            return
        reads = kind.reads_forward_weights
        if reads == "no":
            yield f"errors, {word}, W replaced by noise", _movement(rule, x, labels, rng), 0.0
        if reads == "signs":
            yield f"errors, {word}, W's magnitudes replaced", _movement(rule, x, labels, rng, keep_signs=True), 0.0
        if reads in ("signs", "yes"):
            yield f"errors, {word}, W replaced by noise", _movement(rule, x, labels, rng), 0.01, "at least"
        if isinstance(rule, ClosedForm):
            train_step(rule, SGD(lr=0.05, weight_decay=0.01), x, labels)                    # from here on: the formula
            yield (f"errors, {word}, closed form (it reads W), W replaced by noise",
                   _movement(rule, x, labels, rng), 0.01, "at least")


def _movement(rule, x, labels, rng, keep_signs=False):
    """The largest relative change of an error that was sent, W having become noise since the forward pass."""
    rule = copy.deepcopy(rule)
    net = rule.network
    error = net.loss_error(net.forward(x), labels)                                          # (N, out)
    before = {name: sent.copy() for name, sent in rule.backward(error).errors.items()}
    for layer in net.weighted_layers():
        noise = rng.normal(size=layer.weight.shape)
        layer.weight[...] = np.abs(noise) * np.sign(layer.weight) if keep_signs else noise
    return worst_relative(rule.backward(error).errors, before)


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
        yield f"feedback signs that differ from W's after flips, {word}", wrong, 0.0


def surrogate(kind, rng):
    """Truth 7: ⟨e_L, J_L … J_{l+1} v⟩ = ⟨e_l, v⟩, J the layers with the feedback weights in W's place."""
    for word, rule, x, labels in _made(kind, rng, dense_case, smooth_image_case):
        names = [layer.name for layer in rule.network.weighted_layers()]
        sends = isinstance(rule, rule_table.ErrorSendingRule)
        if not sends or any(rule.feedback_weights(name) is None for name in names):
            return
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
        yield f"surrogate identity, {word}", max(gaps), 1e-8


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
        yield f"closed form against the {explicit} route over 20 steps", worst_relative(ends[1], ends[0]), 1e-12


def expectation(kind, rng, draws=4000):
    """Truth 6: the mean of many estimates lies as far from the gradient as its own scatter says, which is 1."""
    if not issubclass(kind, (WeightPerturbation, NodePerturbation)):
        return
    for _, rule, x, labels in _made(kind, rng, dense_case):
        exact = _flat(backprop(rule.network, x, labels))
        estimates = np.array([_flat(rule.gradients(x, labels).grads) for _ in range(draws)])    # (draws, parameters)
        scatter = np.sqrt(estimates.var(axis=0).sum() / draws)
        distance = np.linalg.norm(estimates.mean(axis=0) - exact) / scatter
        yield f"mean of {draws} estimates to the gradient, in standard errors", distance, 2.0
        yield "the gradient's length in the same unit", np.linalg.norm(exact) / scatter, 4.0, "at least"


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
        yield f"mirror, {word}, degrees between B and W", gap, 4.0
        yield f"mirror, {word}, norm ratio minus one", length, 0.05


def measuring(kind, rng):
    """Looking changes nothing: network, rule, random streams and memories of the last pass, byte for byte."""
    for word, rule, x, labels in _made(kind, rng, dense_case, image_case):
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
        yield f"arrays changed by measuring, {word}", changed, 0.0


def _fingerprint(rule):
    """{name: bytes} of all that measuring must leave alone."""
    arrays = rule.network.parameters() | rule.network.state() | rule.state()
    for layer in rule.network.all_layers():
        held = vars(layer) | {f"gradients {key}": array for key, array in getattr(layer, "gradients", {}).items()}
        arrays |= {f"{layer.name}: {key}": value for key, value in held.items() if isinstance(value, np.ndarray)}
    return {name: np.asarray(array).tobytes() for name, array in arrays.items()}

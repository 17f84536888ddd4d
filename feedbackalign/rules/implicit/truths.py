"""What is exactly true of implicit steps, as numbers for `feedbackalign check`.

Every truth takes the rule's class and a Generator and yields (what, value or values, tolerance).
"""

import copy

import numpy as np

from feedbackalign.alignment import angle, relative_distance
from feedbackalign.networks import mlp
from feedbackalign.rules.implicit.solve import amended, error_rows, input_rows


# ------------------------------------------------------------------------------------------ consequentialism, proxprop

def induced_moves(kind, rng):
    """After a step with lr 1, every z has moved by −η K (K + εI)⁻¹ Δ: the answer of the layer itself is measured."""
    for name, network, x, labels in kind.small_networks(rng):
        rule, gaps = kind(network, rng=rng), []
        grads = rule.gradients(x, labels).grads
        for layer in network.weighted_layers():
            X, before = input_rows(layer), layer.answer(layer.input)
            for key, array in layer.parameters().items():
                array -= grads[f"{layer.name}.{key}"]
            K = X @ X.T                                                         # (P, P)
            wanted = rule.length(len(x)) * len(x) * error_rows(layer, layer.error)
            promised = -K @ np.linalg.solve(K + rule.epsilon_of(layer) * np.eye(len(K)), wanted)            # Eq. 2
            moved = error_rows(layer, layer.answer(layer.input) - before)
            gaps.append(relative_distance({"z": moved}, {"z": promised}))
        yield f"move of z by one step against −η K (K + εI)⁻¹ Δ, {name}", gaps, 1e-10


def both_solves(kind, rng):
    """Eq. 1 and Eq. 3, with more samples than inputs and with fewer."""
    gaps = []
    for samples, inputs in ((4, 9), (9, 4), (6, 6)):
        X, R = rng.normal(size=(samples, inputs)), rng.normal(size=(samples, 3))
        by_samples = np.linalg.solve(X @ X.T + 0.1 * np.eye(samples), R).T @ X
        by_inputs = np.linalg.solve(X.T @ X + 0.1 * np.eye(inputs), X.T @ R).T
        gaps += [relative_distance({"step": amended(X, R, 0.1)}, {"step": step}) for step in (by_samples, by_inputs)]
    yield "step by the smaller solve against both", gaps, 1e-10


def strong_damping(kind, rng):
    """The step differs from backprop's, times 1/ε, by at most ‖K‖/ε of its length."""
    for name, network, x, labels in kind.small_networks(rng):
        rule, gaps = kind(network, rng=rng, epsilon=1e5), []
        exact, grads = rule.backprop_gradients(x, labels), rule.gradients(x, labels).grads
        for layer in network.weighted_layers():
            K = np.linalg.norm(input_rows(layer), ord=2)**2
            names = [f"{layer.name}.{key}" for key in layer.parameters()]
            step, gradient = (np.concatenate([a[name].ravel() for name in names]) for a in (grads, exact))
            gradient = len(x) * gradient
            gaps.append(np.linalg.norm(rule.epsilon * step - gradient) / np.linalg.norm(gradient) * rule.epsilon / K)
        yield f"distance of ε times the step from backprop at ε = 1e5, over ‖K‖/ε, {name}", gaps, 1.0


def raw_errors(kind, rng):
    """The errors that go down are backprop's."""
    for name, network, x, labels in kind.small_networks(rng):
        errors = kind(network, rng=rng).gradients(x, labels).errors
        exact = copy.deepcopy(network)
        exact.backward(exact.loss_error(exact.forward(x), labels))
        gap = relative_distance(errors, {layer.name: layer.error for layer in exact.weighted_layers()})
        yield f"errors against backprop's, {name}", gap, 1e-12


def same_as_consequentialism(kind, rng):
    """With η = μ and 1/τ = ε, for a whole network."""
    from feedbackalign.rules.implicit.consequentialism import Consequentialism          # it imports this file
    for name, network, x, labels in kind.small_networks(rng):
        proximal = kind(network, rng=rng, eta=0.3, tau=0.25).gradients(x, labels).grads
        amended_ = Consequentialism(network, rng=rng, epsilon=4.0).gradients(x, labels).grads
        gap = relative_distance(proximal, {key: 0.3 * step for key, step in amended_.items()})
        yield f"gradients against μ times consequentialism's, {name}", gap, 1e-10


# ---------------------------------------------------------------------------------------------------- semi-implicit

def lower_sums(kind, rng):
    """No solver ends above the start, or farther away than the penalty allows; where it says stationary it is."""
    for solver in kind.solvers:
        for name, network, x, labels in kind.small_networks(rng):
            rule, sums, lengths, slopes = kind(network, rng=rng, solver=solver), [], [], []
            grads = rule.gradients(x, labels).grads
            for stage in rule.stages:
                V = -grads[f"{stage.name}.weight"]
                problem = rule.weight_problem(stage, rule.error_at(stage, len(x)))
                moved, start = problem.X @ V.T, (problem.R**2).sum()
                sums.append(problem.objective(V, moved) / start)
                lengths.append(problem.penalty * (V**2).sum() / start)
                rows = np.linalg.norm(problem.gradient(V, moved), axis=1)
                slopes += [slope for slope, status in zip(rows, rule.status.get(stage.name, ()))
                           if status == "stationary"]
            yield f"sum of Eq. 6 after the step over η²‖e‖², {solver}, {name}", sums, 1.0
            yield f"λ‖W⁺ − W‖² over η²‖e‖², {solver}, {name}", lengths, 1.0
            if solver == "newton":
                yield f"gradient of Eq. 6 in stationary rows, {name}", slopes, 1e-8


def new_weights(kind, rng):
    """The error below is that of the layer above, through its new W and the old slopes."""
    for name, network, x, labels in kind.small_networks(rng):
        rule = kind(network, rng=rng, eta=2.0)
        step, gaps = rule.gradients(x, labels), []
        for lower, upper in zip(rule.stages, rule.stages[1:]):
            W = upper.layer.weight - step.grads[f"{upper.name}.weight"]
            below = (step.errors[upper.name] @ W) * (lower.unit.input > 0)      # (N, out) x (out, in) -> (N, in)
            gaps.append(relative_distance({"e": step.errors[lower.name]}, {"e": below}))
        yield f"errors against (e W⁺) ∘ σ'(z), {name}", gaps, 1e-12


def strong_penalty(kind, rng):
    """λ/η times the step tends to backprop's gradient as λ grows."""
    for name, network, x, labels in kind.small_networks(rng):
        rule = kind(network, rng=rng, solver="newton", weight_penalty=1e6, bias_penalty=1e6)
        exact, grads = rule.backprop_gradients(x, labels), rule.gradients(x, labels).grads
        yield f"degrees to backprop at λ = 1e6, {name}", [angle(grads[key], exact[key]) for key in exact], 1e-2
        scaled = {key: gradient * 1e6 / rule.eta / len(x) for key, gradient in grads.items()}
        yield f"λ/η times the step at λ = 1e6 against backprop, {name}", relative_distance(scaled, exact), 1e-3


def linear_layer(kind, rng):
    """Without unit and bias it is the exact minimum of ‖X Vᵀ − T‖² + λ‖V − W‖², found as a least-squares problem."""
    network = mlp([5, 3], bias=False, rng=rng, dtype=np.float64)
    x, labels = rng.normal(size=(7, 5)), rng.integers(3, size=7)
    rule = kind(network, rng=rng, solver="newton", weight_penalty=0.25)
    grads, output, W = rule.gradients(x, labels).grads, network.forward(x), network.layer("fc1").weight
    targets = output - rule.eta * network.sample_errors(output, labels)
    both = np.concatenate([x, 0.5 * np.eye(5)]), np.concatenate([targets, 0.5 * W.T])       # λ = 0.5²
    minimum = np.linalg.lstsq(*both, rcond=None)[0].T
    yield "W⁺ of a linear layer against least squares", relative_distance({"W": W - grads["fc1.weight"]},
                                                                          {"W": minimum}), 1e-10


def rest(kind, rng):
    """Where the loss is at its minimum nothing moves."""
    network = mlp([5, 6, 4, 3], loss="squared-error", rng=rng, dtype=np.float64)
    x = rng.normal(size=(7, 5))
    for solver in kind.solvers:
        grads = kind(network, rng=rng, solver=solver).gradients(x, network.forward(x)).grads
        yield f"largest step at zero error, {solver}", [np.abs(gradient).max() for gradient in grads.values()], 0.0

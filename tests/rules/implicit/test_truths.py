"""The numbers that the checker shows of implicit steps hold for the rules, and find wrong ones."""

import numpy as np
import pytest

from feedbackalign.rules.implicit import subproblem
from feedbackalign.rules.implicit.amending import AmendingRule
from feedbackalign.rules.implicit.consequentialism import Consequentialism
from feedbackalign.rules.implicit.proxprop import ProxProp
from feedbackalign.rules.implicit.semi_implicit import SemiImplicit
from tests.rules.tools import wrong_truths


@pytest.mark.parametrize("kind", [Consequentialism, ProxProp, SemiImplicit])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_every_rules_own_truths_hold(kind, seed):
    assert wrong_truths(kind, kind.own_truths, seed) == []


# ------------------------------------------------------------------------------------------ consequentialism, proxprop

class BiasOutsideK(Consequentialism):
    """K without the column of ones: the bias moves z once more."""

    def amend(self, layer, N):
        X, wanted, step = super().amend(layer, N)
        if layer.bias is not None:
            inputs = X[:, :-1]
            E = np.linalg.solve(inputs @ inputs.T + self.epsilon * np.eye(len(X)), wanted)
            step = E.T @ X
        return X, wanted, step


class AmendedErrorsSentDown(Consequentialism):
    """Every layer hands on the error that it has amended."""

    def gradients(self, x, targets):
        step, error = super().gradients(x, targets), None
        for layer in reversed(self.network.layers):
            error = self.network.loss_error(self.predict(x), targets) if error is None else error
            if layer.is_weighted and layer.weight.ndim == 2:
                layer.error = step.errors[layer.name] = error
                X, wanted, _ = self.amend(layer, len(x))
                E = np.linalg.solve(X @ X.T + self.epsilon * np.eye(len(X)), wanted)
                error = layer.transport(E / len(x), layer.weight)
            else:
                error = layer.backward(error)
        return step


class MeanErrors(Consequentialism):
    """Δ keeps the 1/N of the mean loss."""

    def amend(self, layer, N):
        return super().amend(layer, 1)


class GradientAtHeart(Consequentialism):
    """Backprop over ε: K is forgotten."""

    def amend(self, layer, N):
        X, wanted, _ = super().amend(layer, N)
        return X, wanted, wanted.T @ X / self.epsilon


class TauForLambda(ProxProp):
    """τ where 1/τ belongs."""

    def epsilon_of(self, layer):
        return self.tau


class TargetOfTheMean(ProxProp):
    """η twice: once in the target, once more in the step."""

    def amend(self, layer, N):
        X, wanted, step = super().amend(layer, N)
        return X, wanted, self.length(N) * step


@pytest.mark.parametrize(("kind", "says"), [
    (BiasOutsideK, "move of z by one step"), (AmendedErrorsSentDown, "errors against backprop's"),
    (MeanErrors, "move of z by one step"), (GradientAtHeart, "move of z by one step"),
    (TauForLambda, "gradients against μ times consequentialism's"), (TargetOfTheMean, "move of z by one step")])
def test_wrong_amendments_are_found(kind, says):
    assert issubclass(kind, AmendingRule)
    assert any(says in what for what in wrong_truths(kind, kind.own_truths))


def test_a_bias_outside_k_is_found_by_the_move_alone():
    """In one linear layer the mistake is that the samples move too far."""
    rng = np.random.default_rng(0)
    _, network, x, labels = next(Consequentialism.small_networks(rng))
    for kind, right in ((Consequentialism, True), (BiasOutsideK, False)):
        rule = kind(network, rng=rng, epsilon=1e-9)
        rule.gradients(x, labels)
        layer = network.layer("fc2")
        X, wanted, step = rule.amend(layer, len(x))
        assert (np.linalg.norm(X @ step.T) <= np.linalg.norm(wanted) * (1 + 1e-9)) == right


# -------------------------------------------------------------------------------------------------- semi-implicit

class OldWeights(SemiImplicit):
    """Errors go down through the weights that were."""

    def send_back(self, layer, error):
        return layer.transport(error, layer.weight)


class NewSlopes(SemiImplicit):
    """The mask of the units after the step, not of the forward pass."""

    def through_unit(self, stage, error):
        if stage is self.stages[-1]:
            return error
        new = {key: array - stage.layer.gradients[key] for key, array in stage.layer.parameters().items()}
        z = stage.layer.respond(stage.layer.input, new["weight"]) + new.get("bias", 0.0)
        super().through_unit(stage, error)
        return error * (z > 0)


class LimitsSwapped(SemiImplicit):
    """η is shortened where λ should grow."""

    def __init__(self, network, *, rng, eta=0.5, weight_penalty=1.0, bias_penalty=1.0, solver="cg"):
        super().__init__(network, rng=rng, eta=eta / weight_penalty, solver=solver)


class BiasWithTheOldWeights(SemiImplicit):
    """The bias is solved for beside W and not after it."""

    def bias_problem(self, problem, V):
        return super().bias_problem(problem, np.zeros_like(V))


class Halved(SemiImplicit):
    """½ in front of one of the two sums."""

    def weight_problem(self, stage, error):
        problem = super().weight_problem(stage, error)
        problem.penalty /= 2
        return problem


@pytest.mark.parametrize(("kind", "says"), [
    (OldWeights, "errors against (e W⁺) ∘ σ'(z)"), (NewSlopes, "errors against (e W⁺) ∘ σ'(z)"),
    (LimitsSwapped, "degrees to backprop at λ = 1e6"), (Halved, "W⁺ of a linear layer against least squares")])
def test_wrong_semi_implicit_steps_are_found(kind, says):
    assert any(says in what for what in wrong_truths(kind, kind.own_truths))


def test_a_bias_beside_the_weights_is_another_step():
    rng = np.random.default_rng(0)
    _, network, x, labels = next(SemiImplicit.small_networks(rng))
    right, wrong = (kind(network, rng=rng, solver="newton").gradients(x, labels).grads["fc3.bias"]
                    for kind in (SemiImplicit, BiasWithTheOldWeights))
    left = 0.5 * network.sample_errors(network.forward(x), labels)
    W = SemiImplicit(network, rng=rng, solver="newton").gradients(x, labels).grads["fc3.weight"]
    wanted = (left - network.layer("fc3").input @ W.T).sum(axis=0) / (len(x) + 1)
    np.testing.assert_allclose(right, wanted, rtol=1e-10)
    assert not np.allclose(wrong, wanted)


def test_a_solver_that_goes_up_is_found(monkeypatch):
    monkeypatch.setattr(subproblem, "armijo", lambda *arguments: 1.0)
    assert any("sum of Eq. 6" in what for what in wrong_truths(SemiImplicit, [SemiImplicit.own_truths[0]]))


def test_a_status_that_lies_is_found(monkeypatch):
    monkeypatch.setattr(subproblem, "is_zero", lambda *arguments: True)
    assert any("stationary rows" in what for what in wrong_truths(SemiImplicit, [SemiImplicit.own_truths[0]]))

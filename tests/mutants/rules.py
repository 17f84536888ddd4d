"""Mistakes in learning rules, told by the truths that each rule declares."""

import numpy as np

from feedbackalign.ops import convolution as conv
from feedbackalign.rules.backprop import Backprop
from feedbackalign.rules.feedback_alignment import FeedbackAlignment
from feedbackalign.rules.perturbation import NodePerturbation, WeightPerturbation
from feedbackalign.rules.product.closed_form import ClosedForm
from feedbackalign.rules.product.kolen_pollack import KolenPollack
from feedbackalign.rules.product.product_feedback_alignment import ProductFeedbackAlignment
from feedbackalign.rules.sign_symmetry import FixedRandomSignSymmetry, UniformSignSymmetry
from feedbackalign.rules.weight_mirror import WeightMirror
from tests.mutants.table import mutant, rule, truths


@mutant("W where B belongs", "rule", FeedbackAlignment, rule, truths)
class WForB(FeedbackAlignment):
    def send_back(self, layer, error):
        return layer.transport(error, layer.weight)


@mutant("B drawn anew for every batch", "rule", FeedbackAlignment, rule, truths)
class RestlessB(FeedbackAlignment):
    def send_back(self, layer, error):
        return layer.transport(error, layer.draw_weights(self.rng))


@mutant("signs of W cached when the rule is made", "rule", UniformSignSymmetry, rule, truths)
class CachedSigns(UniformSignSymmetry):
    def __init__(self, network, *, rng):
        super().__init__(network, rng=rng)
        self.cached = {layer.name: np.sign(layer.weight) for layer in network.weighted_layers()}

    def feedback_weights(self, name):
        return self.cached[name] * self.magnitudes[name]


@mutant("magnitudes overwritten by the signed product, so that signs cancel", "rule", FixedRandomSignSymmetry, rule,
        truths)
class MagnitudesOverwritten(FixedRandomSignSymmetry):
    def feedback_weights(self, name):
        self.magnitudes[name] *= np.sign(self.network.layer(name).weight)
        return self.magnitudes[name]


@mutant("a sign given to a weight of zero", "rule", UniformSignSymmetry, rule, truths)
class SignOfZero(UniformSignSymmetry):
    def feedback_weights(self, name):
        return np.copysign(self.magnitudes[name], self.network.layer(name).weight)


@mutant("Kolen-Pollack's B learns backwards", "rule", KolenPollack, rule, truths)
class KolenPollackBackwards(KolenPollack):
    def learn_feedback(self, layer, error, local):
        learned = super().learn_feedback(layer, error, local)
        return {name: -gradient for name, gradient in learned.items()}


@mutant("R learns at half the rate", "rule", ProductFeedbackAlignment, rule, truths)
class HalfR(ProductFeedbackAlignment):
    def learn_feedback(self, layer, error, local):
        learned = super().learn_feedback(layer, error, local)
        return {name: 0.5 * gradient for name, gradient in learned.items()}


@mutant("the closed form without B Bᵀ", "rule", ProductFeedbackAlignment, rule, truths)
class NoMixing(ProductFeedbackAlignment):
    class formula(ClosedForm):
        def seen_in_W(self, layer):
            return super().seen_in_W(layer)[0], None


@mutant("the mirror's decay not tied to its rate", "rule", WeightMirror, rule, truths)
class MirrorDecay(WeightMirror):
    def mirror(self, layer, shape):
        super().mirror(layer, shape)
        self.B[layer.name] *= 0.95


@mutant("the mirror's taps not divided by their uses", "rule", WeightMirror, rule, truths)
class MirrorTaps(WeightMirror):
    def mirror(self, layer, shape):
        before = self.B[layer.name].copy()
        super().mirror(layer, shape)
        if layer.weight.ndim == 4:
            uses = conv.tap_counts(shape[2:], layer.weight.shape[2:], layer.stride, layer.padding)
            learned = self.B[layer.name] - (1 - self.mirror_rate) * before
            self.B[layer.name][...] = (1 - self.mirror_rate) * before + learned * uses / uses.mean()


@mutant("weight perturbation forgets σ", "rule", WeightPerturbation, rule, truths)
class NoSigma(WeightPerturbation):
    def gradients(self, x, targets):
        step = super().gradients(x, targets)
        step.grads = {name: self.sigma * gradient for name, gradient in step.grads.items()}
        return step


@mutant("node perturbation sums over the batch", "rule", NodePerturbation, rule, truths)
class NodeSum(NodePerturbation):
    def gradients(self, x, targets):
        step = super().gradients(x, targets)
        step.grads = {name: len(x) * gradient for name, gradient in step.grads.items()}
        return step


@mutant("looking at the rule draws from its stream", "rule", FeedbackAlignment, rule, truths)
class CostlyLook(FeedbackAlignment):
    def predict(self, x):
        self.rng.normal()
        return super().predict(x)


@mutant("looking at the rule leaves another batch in memory", "rule", Backprop, rule, truths)
class ForgetfulLook(Backprop):
    def predict(self, x):
        return self.network.forward(-x)

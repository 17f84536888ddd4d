"""Every layer predicts the one above and the one below, with weights of its own for each: information without a mirror.

Bozkurt, Pehlevan, Erdogan, "Correlative information maximization: a biologically plausible approach to supervised deep
neural networks without weight symmetry", arXiv 2306.04810, 2023.

    free phase      all layers settle, the input clamped                          equations in `dynamics`
    nudged phase    from the free rates, the output pulled towards the target with β
    forward error   e→_k = r_k − (W_k r_{k−1} + b_k)        backward error   e←_{k−1} = r_{k−1} − Wbᵀ_k r_k
    Eq. 4           grad W_k  = −(1/βN) [e→_k r_{k−1}ᵀ (nudged) − the same (free)]
    Eq. 5           grad Wb_k = −(1/βN) [r_k e←_{k−1}ᵀ (nudged) − the same (free)]
    Eq. 6           B_k follows the inverse correlation of r_k (nudged)           updates in `lateral`

Every hidden layer maximises the information that it shares with both neighbours (`information`). The one with the layer
above could be had by predicting r_{k+1} from r_k, and the step would need Wᵀ_{k+1}; it is had by predicting r_k from
r_{k+1}, with weights Wb of its own. Nothing makes Wb the transpose of W.

Transported   nothing: Wb is drawn apart from W and learns from its own error.
Local         both errors are the difference of two compartments of the neuron, times the rate at the other end of the
              synapse, in two phases.
What it approaches    the gradient through the settled network, from an angle near 90° at the start to about 55° with
                      learning; where Wb = W it *is* ε times that gradient at the lowest layer, as β → 0 (`truths`).

What the paper's text and the authors' program say, and what is ours
    - The text was read through the program and a later paper of the group. At their settings (forgetting 0.99999) the
      lateral weights add nothing that can be measured: their drive is a millionth of the prediction errors'.
    - Biases are ours: there are none in the published networks.
    - `grads` are of size ε, so rates near 1 are intended. `learning_rate_factor` is 20: the commands multiply the
      common rate with it, in Python you give SGD the product. Wb learns 0.3 times as fast as W (`feedback_rate`).
    - The signed sets are from memory. See `feasible_sets`.
    - Learning Wb is not needed to learn: with `feedback_rate=0`, Wb as it was drawn, the digits are learnt as well, and
      W turns to Wb nearly as far, as in feedback alignment.
Outputs whose drive lies below −βε can not be nudged above 0, so a class may stay silent: the last layer's first weights
must be small, which is `mlp(output_gain=0.25)`.
"""

import statistics
import warnings

import numpy as np

from feedbackalign.alignment import in_float64
from feedbackalign.networks import small
from feedbackalign.networks.chains import UnfitNetworkError, dense_chain
from feedbackalign.ops import initialisers, losses
from feedbackalign.rules.base import Rule, Step
from feedbackalign.rules.epochs import EpochSums
from feedbackalign.rules.information import lateral as updates
from feedbackalign.rules.information import trace, truths
from feedbackalign.rules.information.dynamics import (STEP_RULES, Neurons, Population, at_rest, backward_error, below,
                                                      forward_error, restarted, settle)
from feedbackalign.rules.information.exact_gradients import (SETTLED, implicit_gradients, settle_exactly,
                                                             unrolled_gradients)
from feedbackalign.rules.information.feasible_sets import SETS, WITH_DUAL
from feedbackalign.validation import (require_factor, require_finite, require_floats, require_generator,
                                      require_integer, require_known, require_step)

PUBLISHED_DUAL_RATES = 1e-6, 0.01                                               # of a hidden layer, of the top
USUAL_FEEDBACK_RATE = 0.3                                                       # of the published rates μb / μf


class CorInfoMax(Rule):
    """Forward and backward predictors of every layer, learning from the difference of two phases.

    Parameters
    ----------
    network : Network
        [Flatten], (Linear, [unit])*, Linear under squared error. The units are not used: `sets` decides what a layer's
        rates may be.
    rng : numpy.random.Generator
        Draws Wb and B, then the signs of β.
    beta : float
        β, any number but 0. It may be set anew between steps.
    sign : "random" or "fixed"
        Whether every batch takes β or −β by chance, or β as it is.
    phases : 2 or 3
        Three: the nudged phase is followed by one with −β, which starts from it, and takes the free phase's place.
    free_steps, nudged_steps : int of at least 1
        Sweeps of a phase.
    step_size, step_rule, slow_by, smallest_step, leak, epsilon, forgetting, output_leak
        The constants of the neurons, see `dynamics.Neurons`.
    lateral : "paper", "rank1", "woodbury" or "none"
        How B learns, see `lateral`; "none": there is no B.
    sets : str or sequence of str
        One of `feasible_sets.SETS`, for all layers or one for each.
    dual_rates : float or sequence of float, optional
        η_q of sparse layers, for all or one for each layer; as published if None: 1e-6, and 0.01 at the top. With the
        small one the bound Σ r ≤ 1 hardly acts, and a hidden layer is one of ReLUs.
    feedback_rate : float, optional
        What the gradients of Wb are multiplied with. None: 0.3 once an optimiser with one learning rate was met, else
        1, so that a dict of rates means what it says.

    Attributes
    ----------
    free, nudged : dict
        The last batch's {"fc1": (rates (N, n), duals (N,) or None), …}; with three phases that of β.

    Raises
    ------
    UnfitNetworkError
        A ValueError, naming the layer, for a network of other layers or another loss.
    FloatingPointError
        From a phase that is no longer finite, and from a paper's update of B that would not stay positive definite.

    Examples
    --------
    >>> from feedbackalign.networks import mlp
    >>> net = mlp([4, 5, 2], activation="hard-sigmoid", loss="squared-error", output_gain=0.25,
    ...           rng=np.random.default_rng(0))
    >>> rule = CorInfoMax(net, rng=np.random.default_rng(1))
    >>> step = rule.gradients(np.ones((3, 4)), np.array([0, 1, 0]))
    >>> [name for name in step.grads if name.endswith("Wb")], rule.free["fc2"][0].shape
    (['fc2.Wb'], (3, 2))
    """

    name = "corinfomax"
    paper = "Bozkurt, Pehlevan, Erdogan 2023, arXiv 2306.04810"
    sketch = (("above", "below", "Wb", "learned"), ("below", "below", "lateral", "learned"))
    takes = "dense networks under squared error"
    learning_rate_factor = 20.0
    options_explained_in = (Neurons,)
    own_truths = (truths.lateral_inverse, truths.definite, truths.tied)
    signs, step_rules, laterals = ("random", "fixed"), STEP_RULES, updates.UPDATES      # what options can be, for help

    def __init__(self, network, *, rng, beta=1.0, sign="random", phases=2, free_steps=30, nudged_steps=10,
                 step_size=0.05, step_rule="constant", slow_by=0.01, smallest_step=0.001, leak=0.5, epsilon=0.15,
                 forgetting=0.99999, output_leak=1.0, lateral="paper", sets="antisparse", dual_rates=None,
                 feedback_rate=None):
        super().__init__(network, rng=require_generator(rng, self.name))
        self.layers = [stage.layer for stage in dense_chain(network)]
        if network.loss_name != "squared-error":
            raise UnfitNetworkError(f"{self.layers[-1].name} cannot be taken: its rates are drawn to targets, expected "
                                    f"loss=\"squared-error\", got {network.loss_name!r}", "--model corinfomax does")
        self.neurons = Neurons(leak, epsilon, forgetting, output_leak, step_size, step_rule, slow_by, smallest_step)
        self.beta = require_step(beta, "beta", network.dtype, nudge=True)
        self.sign = require_known(sign, self.signs, "sign")
        self.phases = require_integer(phases, "phases", low=2, high=3)
        self.free_steps = require_integer(free_steps, "free_steps", low=1)
        self.nudged_steps = require_integer(nudged_steps, "nudged_steps", low=1)
        self.lateral_update = require_known(lateral, updates.UPDATES, "lateral")
        self.sets = [require_known(one, SETS, "set") for one in self._for_each(sets, "sets")]
        self.dual_rates = [require_factor(one, "dual_rates", network.dtype) for one in self._for_each(
            [PUBLISHED_DUAL_RATES[layer is self.layers[-1]] for layer in self.layers]
            if dual_rates is None else dual_rates, "dual_rates")]
        self.feedback_rate = None if feedback_rate is None else require_factor(
            feedback_rate, "feedback_rate", network.dtype)
        self.Wb = {layer.name: layer.draw_weights(rng) for layer in self.layers[1:]}
        self.B = {} if lateral == "none" else {layer.name: self._first_lateral(layer) for layer in self.layers}
        self.free, self.nudged = {}, {}
        self.met_one_rate = np.array(False)
        self.output_fired = np.zeros(network.outputs, dtype=bool)               # since the epoch began
        self.residuals = EpochSums()
        widest = max(len(layer.weight) for layer in self.layers)
        if lateral == "paper" and self.neurons.forgetting <= 1 - 1 / widest:
            warnings.warn(f"forgetting: {forgetting:g} is at most 1 − 1/{widest}, where the paper's lateral update is "
                          f"expected to lose positive definiteness; lateral=\"woodbury\" does not", stacklevel=3)

    def _for_each(self, values, what):
        """One value a layer."""
        if isinstance(values, (str, int, float)):
            return [values] * len(self.layers)
        if not isinstance(values, (list, tuple)) or len(values) != len(self.layers):
            raise ValueError(f"{what}: expected one for all layers or {len(self.layers)} in a list, got {values!r}")
        return list(values)

    def _first_lateral(self, layer):
        """J Jᵀ with a square J: the identity on average."""
        J = initialisers.draw((len(layer.weight),) * 2, self.rng)
        return (J @ J.T).astype(layer.weight.dtype)

    @classmethod
    def small_networks(cls, rng):
        yield "dense", *small.dense(rng, activation="hard-sigmoid", loss="squared-error")

    # ------------------------------------------------------------------------------------------------- the phases

    def populations(self):
        """The layers' synapses as `dynamics` takes them, live arrays."""
        above = [layer.name for layer in self.layers[1:]] + [None]
        return [Population(layer.weight, layer.bias, self.Wb.get(up), self.B.get(layer.name), feasible, rate)
                for layer, up, feasible, rate in zip(self.layers, above, self.sets, self.dual_rates)]

    def admit(self, x):
        """x as the dynamics take it: checked, flat, in the network's precision."""
        shape = self.network.input_shape or (self.layers[0].weight.shape[1],)
        require_floats(x, "x", shape=(None, *shape))
        return require_finite(x, "x").astype(self.network.dtype, copy=False).reshape(len(x), -1)

    def wanted(self, targets, N):
        """The targets as numbers (N, out); labels are made one-hot."""
        like = np.zeros((N, self.network.outputs), dtype=self.network.dtype)
        return -self.network.sample_errors(like, targets)                       # under squared error: output − target

    def free_phase(self, x):
        """Settle from rest: x (N, in) -> activities, residual."""
        populations = self.populations()
        return settle(self.neurons, populations, x, at_rest(populations, len(x)), sweeps=self.free_steps)

    def nudged_phase(self, x, targets, activities, beta):
        """Settle with nudge β from the rates of another phase -> activities, residual."""
        return settle(self.neurons, self.populations(), x, restarted(activities), sweeps=self.nudged_steps, beta=beta,
                      targets=targets)

    def gradients(self, x, targets):
        x, beta = self.admit(x), require_step(self.beta, "beta", self.network.dtype, nudge=True)
        targets = self.wanted(targets, len(x))
        free, free_residual = self.free_phase(x)
        if self.sign == "random" and self.rng.random() < 0.5:
            beta = -beta
        nudged, nudged_residual = self.nudged_phase(x, targets, free, beta)
        self.free, self.nudged = self._kept(free), self._kept(nudged)
        self.residuals.add("free", free_residual)
        self.residuals.add("nudged", nudged_residual)
        loss = float(losses.squared_error(free[-1].rates, targets).mean(dtype=np.float64))
        if self.phases == 2:
            return Step(loss=loss, grads=self.contrast(x, nudged, free, beta))
        other, _ = self.nudged_phase(x, targets, nudged, -beta)
        return Step(loss=loss, grads=self.contrast(x, nudged, other, 2 * beta))

    def _kept(self, activities):
        return {layer.name: (activity.rates, activity.dual) for layer, activity in zip(self.layers, activities)}

    def contrast(self, x, nudged, free, beta):
        """Eq. 4 and 5, both phases with the present weights: {"fc1.weight": array, …}."""
        up, down = self.products(x, nudged), self.products(x, free)
        grads = {name: (down[name] - up[name]) / (beta * len(x)) for name in up}
        for name in self.Wb:
            grads[f"{name}.Wb"] *= self.present_feedback_rate()
        return grads

    def products(self, x, activities):
        """Errors times the rates at the other end of each synapse, summed over the batch, in the weights' shapes."""
        populations, sums = self.populations(), {}
        for k, layer in enumerate(self.layers):
            error = forward_error(populations, k, x, activities)                # e→ (N, n)
            sums[f"{layer.name}.weight"] = error.T @ below(k, x, activities)    # (n, N) x (N, below) -> (n, below)
            if layer.bias is not None:
                sums[f"{layer.name}.bias"] = error.sum(axis=0)
            if k:
                error = backward_error(populations, k - 1, activities)          # e← of the layer below, (N, below)
                sums[f"{layer.name}.Wb"] = activities[k].rates.T @ error        # (n, N) x (N, below) -> (n, below)
        return sums

    def present_feedback_rate(self):
        if self.feedback_rate is not None:
            return self.feedback_rate
        return USUAL_FEEDBACK_RATE if self.met_one_rate else 1.0

    def predict(self, x):
        """The rates of the top layer at the end of a free phase, (N, out)."""
        return self.free_phase(self.admit(x))[0][-1].rates

    # ------------------------------------------------------------------------------------------------- life cycle

    def meet_optimizer(self, optimizer):
        self.met_one_rate[...] = not isinstance(optimizer.lr, dict)

    def after_batch(self, x, targets):
        """Eq. 6, with the rates of the (first) nudged phase."""
        self.output_fired |= (self.free[self.layers[-1].name][0] != 0).any(axis=0)
        if self.lateral_update == "paper":
            for name, B in self.B.items():
                updates.require_definite(B, self.nudged[name][0], self.neurons.gamma, name)
        for name, B in self.B.items():
            B[...] = getattr(updates, self.lateral_update)(B, self.nudged[name][0], self.neurons.forgetting)

    def after_epoch(self, batches):
        silent = np.flatnonzero(~self.output_fired).tolist()
        if silent:
            warnings.warn(f"corinfomax: outputs {silent} of {self.layers[-1].name} were 0 for a whole epoch, and what "
                          f"is silent learns nothing; smaller first weights help: mlp(output_gain=0.25)", stacklevel=2)
        self.output_fired[...] = False
        self.residuals.end_epoch()

    def notes(self):
        """The sets that take the units' place, and the median residual of the last epoch's phases."""
        return {"sets": self.sets} | {f"{phase}_residual_median": statistics.median(residuals)
                                      for phase, residuals in self.residuals.last.items()}

    def state(self):
        held = {"met_one_rate": self.met_one_rate.copy(), "output_fired": self.output_fired.copy()}
        return super().state() | self.residuals.state() | held

    def load_state(self, state):
        super().load_state(state)
        self.residuals.load_state(state)
        self.met_one_rate[...], self.output_fired[...] = state["met_one_rate"], state["output_fired"]

    # --------------------------------------------------------------------------------------------- what the rule holds

    def parameters(self):
        return {f"{name}.Wb": Wb for name, Wb in self.Wb.items()}

    def plastic(self):
        return {f"{name}.lateral": B for name, B in self.B.items()}

    def feedback_weights(self, name):
        """Wb; None at the lowest layer, for nothing drives the input."""
        self.network.weighted_layer(name)
        return self.Wb.get(name)

    def match_to_tied(self):
        """Put Wb = W: where the update of the lowest layer is ε times the gradient through the settled network."""
        for layer in self.layers[1:]:
            self.Wb[layer.name][...] = layer.weight

    # --------------------------------------------------------------------------------------------- what to compare

    def references(self, x, targets):
        """The exact gradients in float64: {"implicit": grads or "bptt(T)": grads, "backprop": grads}.

        The first is through the recurrent network: at a free phase settled to 1e-12, or, with any sparse layer, back
        through the T sweeps of the free phase. A network that does not settle has no implicit gradient: the name then
        ends in " (not settled)", and the last rows of `trace` say how far it was. The other is of the feed-forward
        network with the same W.
        """
        exact = in_float64(self)
        inputs = exact.admit(x)
        wanted, populations = exact.wanted(targets, len(x)), exact.populations()
        if set(self.sets) & set(WITH_DUAL):
            name = f"bptt({self.free_steps})"
            gradients = unrolled_gradients(exact.neurons, populations, inputs, wanted, self.free_steps)
        else:
            activities, residual = settle_exactly(exact.neurons, populations, inputs)
            gradients, remainder = implicit_gradients(exact.neurons, populations, inputs, activities,
                                                      activities[-1].rates - wanted)
            name = "implicit" if max(residual, remainder) <= SETTLED else "implicit (not settled)"
        named = {f"{layer.name}.{key}": array for layer, of_layer in zip(self.layers, gradients)
                 for key, array in of_layer.items()}
        return {name: named, "backprop": self.backprop_gradients(x, targets)}

    def trace(self, x, targets):
        return trace.rows(in_float64(self), x, targets)



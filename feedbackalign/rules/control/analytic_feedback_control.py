"""Deep feedback control without a simulation: the steady state of the controller to first order, in one solve.

The paper and the equations stand in the docstring of `feedbackalign.rules.control`. Every batch has three phases:

    target      Eq. 2    a step of the output down its loss, for each sample
    control     Eq. 5    u = (J Q + α̃ I)⁻¹ δ for all samples, then one forward sweep with the push Q_i u
    learning    Eq. 9

and after every update of W a sleep phase trains the feedback weights (Eq. 11), with an Adam of the rule's own. Before
training come `pretraining` such phases. `feedback="fixed"` keeps Q_i = (W_L … W_{i+1})ᵀ of the first weights instead.
Q_L = I does not learn unless `output_feedback="learned"`.

Transported   J is computed from W: this rule stands for the end of dfc's simulation. Fixed feedback reads W once.
Local         Eq. 9 and 11: each neuron's own compartments, and the control that reaches it.
What it approaches     the damped Gauss-Newton step of all layers together, `joint-gauss-newton(γ)`, where conditions 1
                       and 2 hold.

Deviations from the paper, for all three rules; in brackets the authors' program, first on MNIST, then on Fashion-MNIST
    - ∂ℓ/∂r_L belongs to one sample, and updates are divided by λ. The authors divide by N twice, in the target and in
      the mean, and multiply the learning rate by 1/λ instead. The gradient of W is not clipped (its norm at 1).
    - α̃ by the leak on the integral is in the solve of dfc-ssa (α; `leak="total"`).
    - Feedback starts at Xavier's scale, scaled down where the norms of W would allow an unstable start. Feedback and
      network learn in turns of one batch, not of one epoch.
    - A sample that ends farther from its target than it began contributes nothing. The authors leave out all samples
      that have not converged to 1e-5 (`only_converged=True`), which takes a thousand steps with their constants.
    - Sleep, the options: `sigma` 0.01 (0.00152, 0.00245), `sigma_floor` 0 (0.01), `feedback_clip` None (1),
      `sleep_alpha` 0.5 (0.613, 0.234), `sleep_steps` 40 (47, 33: they count states, 48 and 34), `feedback_lr` 1e-3
      (5.27e-4, 2.4e-4), `feedback_decay` 0.1 (1e-3, 0.1), `output_feedback` "identity" ("learned", "identity").
    - Sleep, what is fixed, `asleep` and `noise_tau`: k_p 0.05 (0.157, 0.0064), dt 0.003 (0.00203, 0.0031), τ 0.006
      (0.0063, 0.00547), τ_A 0.2 (0.325, 0.135). The leak is on the integral whatever `leak` says (on all of the
      control), and the control acts in its own step (so on MNIST; one step later on Fashion-MNIST).
    - The noise at the output has the σ of all layers (a σ of its own).
    - Feedback has no units: Q_i u enters the voltages as it is (as in all of their settings).
"""

import copy
import itertools

import numpy as np

from feedbackalign.alignment import angle
from feedbackalign.networks import small
from feedbackalign.networks.jacobians import (dense_chain, forward, in_float64, joint_gauss_newton, last_pass,
                                              minimum_norm)
from feedbackalign.ops.norms import norm
from feedbackalign.optimizer import Adam
from feedbackalign.rules.base import Rule, Step
from feedbackalign.rules.control import diagnostics, truths
from feedbackalign.rules.control.dynamics import LEAKS, Controller, Noise, UnstableControllerError, steady_state
from feedbackalign.rules.control.feedback import drawn_feedback, fixed_feedback
from feedbackalign.rules.control.learning import SIGNALS, gradients_at
from feedbackalign.rules.control.sleep import clipped, sleep_change
from feedbackalign.rules.epochs import EpochSums
from feedbackalign.validation import (require_bool, require_factor, require_finite, require_generator, require_integer,
                                      require_known, require_number, require_step)


class AnalyticFeedbackControl(Rule):
    """The push of a settled controller, to first order: one solve for all samples, and one forward sweep.

    Parameters
    ----------
    network : Network
        Dense layers under a linear output.
    rng : numpy.random.Generator
        Draws Q, and the noise of the sleep phases.
    target_step : float above 0
        λ of Eq. 2; at least 1.5e-8, the root of the precision of float64, in which states are compared.
    alpha, k_p, leak
        See `dynamics.Controller`.
    signal : "rates", "voltages" or "slopes"
        Eq. 6, 7 or 8.
    own_rates : bool
        Whether every layer's update is divided by its squared input length; see `learning`.
    feedback : "learned" or "fixed"
        Whether Q learns in the sleep phases, or is that of the first weights for good.
    output_feedback : "identity" or "learned"
        Whether the output layer's Q is the identity, or learns like all others.
    pretraining : int of at least 0
        Sleep phases before training.
    sleep_updates : int of at least 0
        Sleep phases after every update.
    sleep_steps : int of at least 2
        Euler steps of a sleep phase.
    sleep_alpha : float
        α in a sleep phase.
    sigma : float above 0
        σ, the deviation of the noise in a sleep phase.
    sigma_floor : float of at least 0
        The smallest σ that Eq. 11 divides by; with less noise feedback learns more slowly.
    feedback_clip : float above 0, optional
        Norm that no layer's change of Q exceeds, before decay; None: no limit.
    feedback_lr : float above 0
        Learning rate of Adam, for Q.
    feedback_decay : float of at least 0
        Weight decay of Adam, for Q.
    feedback_beta1 : float in [0, 1)
        β₁ of Adam, for Q: the share of its old mean of the changes that it keeps at each step.
    feedback_beta2 : float in [0, 1)
        β₂ of Adam, for Q: the same for the mean of their squares.
    feedback_epsilon : float above 0
        ε of Adam, for Q.
    gamma : float of at least 0
        γ, the damping of the references.

    Attributes
    ----------
    Q : dict
        {layer: (n_i, out)}.

    Raises
    ------
    ValueError
        For layers that are not dense, a λ that is too small, a singular J Q + α̃ I.
    UnstableControllerError
        When the controller runs away from its target; the message names the eigenvalue.

    >>> from feedbackalign.networks import mlp
    >>> net = mlp([4, 5, 2], activation="tanh", rng=np.random.default_rng(0))
    >>> rule = AnalyticFeedbackControl(net, rng=np.random.default_rng(1))
    >>> step = rule.gradients(np.ones((3, 4)), np.array([0, 1, 0]))
    >>> sorted(step.grads) == sorted(net.parameters()), [q.shape for q in rule.Q.values()]
    (True, [(5, 2), (2, 2)])
    """

    name = "dfc-ssa"
    sketch = (("output", "below", "Q", "learned"), ("output", "below", "W", "W"))
    paper = "Meulemans et al. 2021, arXiv 2106.07887"
    reads_forward_weights = "yes"
    takes = "dense networks"
    learning_rate_factor = 3.0                              # all layers share the correction: steps are small
    leaks, signals, feedbacks, output_feedbacks = LEAKS, SIGNALS, ("learned", "fixed"), ("identity", "learned")
    asleep = {"k_p": 0.05, "dt": 0.003, "tau": 0.006}                           # the controller in a sleep phase
    noise_tau = 0.2                                         # τ_A of Eq. 10
    options_explained_in = (Controller,)
    own_truths = (truths.settling, truths.inversion, truths.gauss_newton, truths.zero_error)

    def __init__(self, network, *, rng, target_step=0.05, alpha=0.02, k_p=1.5, leak="integral", signal="rates",
                 own_rates=False, feedback="learned", output_feedback="identity", pretraining=400, sleep_updates=1,
                 sleep_steps=40, sleep_alpha=0.5, sigma=0.01, sigma_floor=0.0, feedback_clip=None, feedback_lr=1e-3,
                 feedback_decay=0.1, feedback_beta1=0.9, feedback_beta2=0.999, feedback_epsilon=1e-8, gamma=0.1):
        super().__init__(network, rng=require_generator(rng, type(self).name))
        self.stages = dense_chain(network)
        self.target_step = require_step(target_step, "target_step", np.dtype(np.float64))
        self.controller = Controller(alpha=alpha, k_p=k_p, leak=leak)
        self.learning = {"kind": require_known(signal, SIGNALS, "signal"),
                         "own_rates": require_bool(own_rates, "own_rates")}
        self.feedback = require_known(feedback, self.feedbacks, "feedback")
        self.output_feedback = require_known(output_feedback, self.output_feedbacks, "output_feedback")
        self.pretraining = require_integer(pretraining, "pretraining", low=0)
        self.sleep_updates = require_integer(sleep_updates, "sleep_updates", low=0)
        self.sleep_steps = require_integer(sleep_steps, "sleep_steps", low=2)
        self.sleep_controller = Controller(
            alpha=require_factor(sleep_alpha, "sleep_alpha", np.float32), **self.asleep)
        self.sigma = require_step(sigma, "sigma", network.dtype)
        self.sigma_floor = require_factor(sigma_floor, "sigma_floor", network.dtype)
        self.feedback_clip = feedback_clip
        if feedback_clip is not None:
            self.feedback_clip = require_factor(feedback_clip, "feedback_clip", network.dtype, low_open=True)
        self.feedback_optimizer = Adam(
            require_factor(feedback_lr, "feedback_lr", network.dtype, low_open=True),
            betas=(require_number(feedback_beta1, "feedback_beta1", low=0, high=1, high_open=True),
                   require_number(feedback_beta2, "feedback_beta2", low=0, high=1, high_open=True)),
            epsilon=require_factor(feedback_epsilon, "feedback_epsilon", network.dtype, low_open=True),
            weight_decay=require_factor(feedback_decay, "feedback_decay", network.dtype))
        self.gamma = require_factor(gamma, "gamma", network.dtype)
        Q = fixed_feedback(self.stages) if feedback == "fixed" else drawn_feedback(self.stages, rng)
        self.Q = {stage.name: array for stage, array in zip(self.stages, Q)}
        self.epoch = EpochSums()                                                # see `notes`

    # ------------------------------------------------------------------------------------------- the learning phase

    def gradients(self, x, targets):
        seen, loss, delta = self.look(x, targets)
        return Step(loss=loss, grads=self.learn(seen, delta))

    def look(self, x, targets):
        """The forward pass and Eq. 2: -> (the pass, the loss, δ = r* − r⁻ = −λ ∂ℓ/∂r_L of each sample (N, out)).

        Pass and δ are in float64: what is learnt is the difference of two states that are nearly the same.
        """
        require_finite(x, "x")
        output = self.network.forward(x)                                        # (N, …) -> (N, out)
        loss, error = self.network.loss(output, targets), self.network.sample_errors(output, targets)
        seen = in_float64(self.stages, last_pass(self.stages, output))
        return seen, loss, -self.target_step * error.astype(np.float64)                                 # Eq. 2

    def learn(self, seen, delta):
        """The gradients of one controlled batch: {"fc1.weight": array, …}."""
        state = self.settle(seen, delta)
        self.count(seen, state, seen.output + delta)
        return gradients_at(self.stages, seen, state, self.target_step, **self.learning)                # Eq. 9

    def settle(self, seen, delta):
        """The network under control, by Eq. 5."""
        return steady_state(self.stages, seen, delta, self.arrays(), self.controller.damping)

    def arrays(self):
        """The feedback weights from the bottom up, a list of (n_i, out)."""
        return [self.Q[stage.name] for stage in self.stages]

    def count(self, seen, state, target):
        """Add every sample's distance from its steady state to the sums of this epoch."""
        residuals = diagnostics.residuals(seen, state, target, self.controller.damping)
        self.epoch.add("samples", len(target))
        self.epoch.add("residual", residuals[np.isfinite(residuals)].sum())

    # ---------------------------------------------------------------------------------------------- the sleep phase

    def before_training(self, batches):
        """Train the feedback for `pretraining` sleep phases, then refuse a controller that is not stable."""
        if self.feedback == "learned":
            for x, _ in itertools.islice(itertools.chain.from_iterable(itertools.repeat(batches)), self.pretraining):
                self.sleep(x)
        self.after_epoch(batches)
        seen = forward(self.stages, next(iter(batches))[0])
        smallest = diagnostics.loop_eigenvalues(self.stages, seen, self.arrays())
        if (smallest <= -self.controller.alpha).mean() > 0.5:                   # condition 3
            raise UnstableControllerError(f"{self.name}: the controller is not stable: {self.why_unstable(seen)}")

    def after_batch(self, x, targets):
        if self.feedback == "learned":
            for _ in range(self.sleep_updates):
                self.sleep(x)

    def sleep(self, x):
        """One sleep phase on a batch, and one step of the feedback weights."""
        noise = Noise(self.rng, self.sigma, self.noise_tau)
        changes = sleep_change(self.stages, forward(self.stages, x), self.arrays(), self.sleep_controller, noise,
                               steps=self.sleep_steps, floor=self.sigma_floor)                          # Eq. 11
        plastic = self.plastic()
        uphill = {f"{stage.name}.Q": clipped(-change, self.feedback_clip)
                  for stage, change in zip(self.stages, changes)}
        self.feedback_optimizer.step(plastic, {name: uphill[name] for name in plastic})

    def why_unstable(self, seen):
        return diagnostics.why_unstable(self.stages, seen, self.arrays(), self.controller)

    # --------------------------------------------------------------------------------------------- what to compare

    def references(self, x, targets):
        """{"joint-gauss-newton(γ)": …, "minimum-norm(γ)": …, "backprop": …}.

        The first is the batch mean of J_W^†γ e, all weights together. The signal of the second is J^†γ e, the smallest
        push of all layers together: the controller finds it where condition 2 holds and condition 1 does not.
        """
        exact = copy.deepcopy(self.network).astype(np.float64)
        stages, output = dense_chain(exact), exact.forward(x)
        seen, error = last_pass(stages, output), exact.sample_errors(output, targets)
        return {f"joint-gauss-newton({self.gamma:g})": joint_gauss_newton(stages, seen, error, self.gamma),
                f"minimum-norm({self.gamma:g})": minimum_norm(stages, seen, error, self.gamma),
                "backprop": self.backprop_gradients(x, targets)}

    def trace(self, x, targets):
        """One row per phase, then one row per layer, from the top.

        A phase: its steps, the loss at its end, the largest residual, the share of samples that have converged. A
        layer: the length of the push Q u of the settled controller, the length of the update of W, and its angles.
        """
        twin = copy.deepcopy(self).astype(np.float64)
        seen, loss, delta = twin.look(x, targets)
        target = seen.output + delta
        rows = [{"phase": "feedforward", "steps": 0, "loss": loss, "residual": None, "converged": None}]
        for phase, steps, state in twin.phases(seen, delta):
            residual = diagnostics.residuals(seen, state, target, twin.controller.damping)
            converged = diagnostics.has_converged(seen, state, target, twin.controller.damping)
            rows.append({"phase": phase, "steps": steps, "loss": twin.network.loss(state.r[-1], targets),
                         "residual": float(residual.max()), "converged": float(converged.mean())})
        try:
            return rows + twin.layer_rows(seen, delta, self.references(x, targets))
        except UnstableControllerError:                                         # no update; the phases show why
            return rows

    def layer_rows(self, seen, delta, references):
        """One row of the trace per layer, from the top."""
        u, grads = self.settle(seen, delta).u, self.learn(seen, delta)                                  # (N, out)
        rows = []
        for stage in reversed(self.stages):
            weight, Q = f"{stage.name}.weight", self.Q[stage.name]
            rows.append({
                "layer": stage.name, "push": f"Q u, Q {Q.shape}",
                "push_norm": float(norm(u @ Q.T, axis=1).mean()),
                "update_norm": norm(grads[weight]),
                **{f"angle_to_{name}": angle(grads[weight], exact[weight]) for name, exact in references.items()},
            })
        return rows

    def phases(self, seen, delta):
        """(name, steps, controlled state) of every phase that the controller goes through with a batch."""
        yield "steady state, to first order", None, AnalyticFeedbackControl.settle(self, seen, delta)

    def plastic(self):
        """Q of the layers whose feedback learns."""
        still = [] if self.output_feedback == "learned" else [self.stages[-1].name]
        return {f"{name}.Q": Q for name, Q in self.Q.items() if self.feedback == "learned" and name not in still}

    def constants(self):
        return {f"{name}.Q": Q for name, Q in self.Q.items() if f"{name}.Q" not in self.plastic()}

    @classmethod
    def small_networks(cls, rng):
        yield "dense", *small.dense(rng)

    # --------------------------------------------------------------------------------------------------- the record

    def after_epoch(self, batches):
        """Measure the conditions on one batch, and end the sums of this epoch."""
        seen, Q = forward(self.stages, next(iter(batches))[0]), self.arrays()
        if all(np.isfinite(array).all() for array in [*seen.pre, *Q]):
            smallest = diagnostics.loop_eigenvalues(self.stages, seen, Q)
            self.epoch.add("condition1", diagnostics.condition1(seen.post[:-1]).mean())
            self.epoch.add("condition2", diagnostics.condition2(self.stages, seen, Q).mean())
            self.epoch.add("smallest_eigenvalue", smallest.min())
            self.epoch.add("stable", (smallest > -self.controller.alpha).mean())
        self.epoch.end_epoch()

    def notes(self):
        """The last epoch in numbers.

        residual                distance from the steady state, mean over the epoch's samples
        converged, diverged     shares of these samples, only where the controller is simulated
        condition1, condition2  mean over one batch at the end of the epoch: 0 and 1 where they hold
        smallest_eigenvalue     the smallest real part of an eigenvalue of J Q in that batch
        stable                  the share of that batch for which condition 3 holds
        """
        last = self.epoch.last
        samples = sum(last.get("samples", []))
        return {key: sum(numbers) / (samples if key in ("residual", "converged", "diverged") else 1)
                for key, numbers in last.items() if key != "samples"}

    def state(self):
        moments = {f"feedback_optimizer/{key}": array for key, array in self.feedback_optimizer.state().items()}
        return super().state() | moments | self.epoch.state()

    def load_state(self, state):
        super().load_state(state)
        prefix = "feedback_optimizer/"
        self.feedback_optimizer.load_state({key[len(prefix):]: array for key, array in state.items()
                                            if key.startswith(prefix)})
        self.epoch.load_state(state)

    def astype(self, dtype):
        super().astype(dtype)
        for moments in (self.feedback_optimizer.first, self.feedback_optimizer.second):
            moments |= {key: array.astype(dtype) for key, array in moments.items()}
        return self

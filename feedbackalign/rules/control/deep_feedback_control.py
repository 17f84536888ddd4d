"""Deep feedback control in time: the controller is simulated, step by step, until the output has settled.

The paper and the equations stand in the docstring of `feedbackalign.rules.control`. Every batch has three phases:

    target      Eq. 2          a step of the output down its loss, for each sample
    control     Eq. 1 and 3    Euler steps from the state without control
    learning    Eq. 9          dfc: the mean over all steps; dfc-ss: the last step alone

and after every update of W a sleep phase trains the feedback weights (Eq. 11). At rest v_i − v_i^ff = Q_i u, so dfc and
dfc-ss differ only by the transients, in the order of one over the number of steps. A simulation costs as many forward
passes as it has steps.

Transported   nothing: the network runs forward only. Fixed feedback (`feedback="fixed"`) reads W once, at the start.
Local         Eq. 9 and 11: each neuron's own compartments, and the control that reaches it.

What the rules share with dfc-ssa, and their deviations from the paper, stand in `analytic_feedback_control`. Besides:

    - The time mean is that of the states after every step. The authors' holds the first state too, whose signal is 0:
      it is shorter by the factor (T − 1)/T, T being the number of states, 1000 on MNIST and 300 on Fashion-MNIST.
    - A layer reads the present state of the layer below, as by the authors' default; `instantaneous=False` is an option
      of `dynamics.Controller` alone.
    - `control_steps` 300 (999, 299), `alpha` 0.02 (1.389e-3, 2.06e-4), `k_p` 1.5 (2, 2), `proactive` True (True,
      False); `dt` 0.02 and `tau` 0.2 are theirs.
"""

import dataclasses

import numpy as np

from feedbackalign.ops.quiet import quiet
from feedbackalign.rules.control import diagnostics, dynamics
from feedbackalign.rules.control.analytic_feedback_control import AnalyticFeedbackControl
from feedbackalign.rules.control.dynamics import UnstableControllerError
from feedbackalign.rules.control.learning import TimeMean, gradients_at
from feedbackalign.validation import require_bool, require_integer


class DeepFeedbackControl(AnalyticFeedbackControl):
    """The mean push over the time in which a controller brings the output to its target.

    Parameters
    ----------
    network, rng, **options
        As for `AnalyticFeedbackControl`.
    control_steps : int of at least 1
        Euler steps of the simulation.
    dt, tau, proactive
        See `dynamics.Controller`.
    only_converged : bool
        Whether only samples that have converged to 1e-5 contribute. An epoch without any is refused.

    >>> from feedbackalign.networks import mlp
    >>> net = mlp([4, 5, 2], activation="tanh", rng=np.random.default_rng(0))
    >>> rule = DeepFeedbackControl(net, rng=np.random.default_rng(1), control_steps=100)
    >>> sorted(rule.gradients(np.ones((3, 4)), np.array([0, 1, 0])).grads) == sorted(net.parameters())
    True
    """

    name = "dfc"
    sketch = (("output", "below", "Q", "learned"),)
    reads_forward_weights = "no"

    def __init__(self, network, *, rng, control_steps=300, dt=0.02, tau=0.2, proactive=True, only_converged=False,
                 **options):
        super().__init__(network, rng=rng, **options)
        self.control_steps = require_integer(control_steps, "control_steps", low=1)
        self.controller = dataclasses.replace(self.controller, dt=dt, tau=tau,
                                              proactive=require_bool(proactive, "proactive"))
        self.only_converged = require_bool(only_converged, "only_converged")

    def learn(self, seen, delta):
        with quiet():                                                           # reported below
            gradients, state = self.simulate(seen, delta)
        target = seen.output + delta
        self.count(seen, state, target)
        left_out = diagnostics.has_diverged(seen, state, target)
        if left_out.mean() > 0.5:
            raise UnstableControllerError(f"{self.name}: the controller ran away from its target in {left_out.sum()} "
                                          f"of {len(left_out)} samples; {self.why_unstable(seen)}")
        if self.only_converged:
            left_out |= ~diagnostics.has_converged(seen, state, target, self.controller.damping)
        if left_out.all():
            return {name: np.zeros_like(gradient) for name, gradient in gradients.items()}
        if left_out.any():                                                      # again, without them
            kept = ~left_out
            few = seen._replace(pre=[v[kept] for v in seen.pre], post=[r[kept] for r in seen.post])
            gradients, _ = self.simulate(few, delta[kept])
            gradients = {name: float(kept.mean()) * gradient for name, gradient in gradients.items()}
        return gradients

    def count(self, seen, state, target):
        super().count(seen, state, target)
        converged = diagnostics.has_converged(seen, state, target, self.controller.damping)
        self.epoch.add("converged", converged.sum())
        self.epoch.add("diverged", diagnostics.has_diverged(seen, state, target).sum())

    def after_epoch(self, batches):
        samples, converged = (sum(self.epoch.running.get(key, [])) for key in ("samples", "converged"))
        if self.only_converged and samples and not converged:
            raise ValueError(f"{self.name}: only_converged, and of the epoch's {samples:.0f} samples none came within "
                             f"1e-5 of its steady state in {self.control_steps} steps, so that nothing was learnt: "
                             f"more control_steps are needed")
        super().after_epoch(batches)

    def simulate(self, seen, delta):
        """Run the controller: -> (gradients, the last state)."""
        mean = TimeMean(self.stages, seen, self.target_step, **self.learning)
        target, state = seen.output + delta, None
        for state in dynamics.run(self.stages, seen, target, self.arrays(), self.controller,
                                  steps=self.control_steps):
            mean.add(state)
        return mean.gradients(), state

    def settle(self, seen, delta):
        """The last state of the simulation."""
        return dynamics.settle(self.stages, seen, seen.output + delta, self.arrays(), self.controller,
                               steps=self.control_steps)

    def phases(self, seen, delta):
        with quiet():
            state = self.settle(seen, delta)
        if np.isfinite(state.r[-1]).all():
            yield "controlled", self.control_steps, state
        yield from super().phases(seen, delta)


class SteadyStateFeedbackControl(DeepFeedbackControl):
    """The push at the last step of the simulation, near or at the controller's steady state.

    >>> from feedbackalign.networks import mlp
    >>> net = mlp([4, 5, 2], activation="tanh", rng=np.random.default_rng(0))
    >>> SteadyStateFeedbackControl(net, rng=np.random.default_rng(1)).control_steps
    300
    """

    name = "dfc-ss"

    def simulate(self, seen, delta):
        state = self.settle(seen, delta)
        return gradients_at(self.stages, seen, state, self.target_step, **self.learning), state

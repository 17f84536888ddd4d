"""What all rules of networks that settle share: the free phase, the settled answer, and how well the phases settled."""

import statistics

from feedbackalign.networks import small
from feedbackalign.rules.base import Rule
from feedbackalign.rules.epochs import EpochSums
from feedbackalign.rules.equilibrium.dynamics import answer
from feedbackalign.validation import (require_finite, require_floats, require_generator, require_integer,
                                      require_number)

SETTLED_IN_TRAINING = 1e-2          # a phase with a larger residual counts as not settled


class SettlingRule(Rule):
    """A rule whose network answers by its settled state. A subclass writes `settle`, and `gradients`.

    Attributes
    ----------
    chain : Chain
        What settles; see `networks.chains.settling_chain`.
    residuals : EpochSums
        "free" and "nudged": the residuals of this epoch's phases and of the last epoch's; see `notes`.
    least_damping : float
        Below 0 where sweeps may go beyond what units are driven to.
    """

    takes = "networks that settle"
    least_damping = 0.0

    def __init__(self, network, *, rng, chain, free_steps, nudged_steps, damping, settled=0.0):
        super().__init__(network, rng=require_generator(rng, type(self).name))
        self.chain = chain
        self.free_steps = require_integer(free_steps, "free_steps", low=1)
        self.nudged_steps = require_integer(nudged_steps, "nudged_steps", low=1)
        self.damping = require_number(damping, "damping", low=self.least_damping, high=0.999999)
        self.settled = require_number(settled, "settled", low=0, high=1)
        self.residuals = EpochSums()

    @classmethod
    def small_networks(cls, rng):
        yield "dense", *small.settling(rng)
        yield "convolutional", *small.settling_images(rng)

    @property
    def precision(self):
        """The dtype of the free states."""
        return self.network.dtype

    def admit(self, x):
        """x as the dynamics take it: checked, and in the precision of the states."""
        require_floats(x, "x", shape=(None, *self.network.input_shape))
        return require_finite(x, "x").astype(self.precision, copy=False)

    def settle(self, x, states, **phase):
        """`dynamics.settle` from these states, with the rule's own options -> states, residual."""
        raise NotImplementedError(f"{type(self).__name__} does not say how its network settles: write settle()")

    def free_phase(self, x):
        """Settle without nudge from the resting state: x (N, …) -> states, residual."""
        return self.settle(x, self.chain.rest(len(x), self.precision), steps=self.free_steps)

    def predict(self, x):
        """The settled network's answer, (N, out)."""
        states, _ = self.free_phase(self.admit(x))
        return answer(self.chain, states[-1]).astype(self.network.dtype, copy=False)

    # ----------------------------------------------------------------------------------------------- the record

    def after_epoch(self, batches):
        self.residuals.end_epoch()

    def notes(self):
        """Median and largest residual of the last epoch's phases, and the share of phases that did not settle."""
        summary = {}
        for phase in (phase for phase in ("free", "nudged") if phase in self.residuals.last):
            residuals = self.residuals.last[phase]
            unsettled = sum(residual > SETTLED_IN_TRAINING for residual in residuals)
            summary |= {f"{phase}_residual_median": statistics.median(residuals),
                        f"{phase}_residual_largest": max(residuals),
                        f"{phase}_not_settled": unsettled / len(residuals)}
        return summary

    def state(self):
        return super().state() | self.residuals.state()

    def load_state(self, state):
        super().load_state(state)
        self.residuals.load_state(state)

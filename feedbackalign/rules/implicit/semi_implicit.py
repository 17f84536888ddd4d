"""Semi-implicit backprop: every layer solves for its target, unit and all, and errors go down through the new weights.

Liu, Zhang, "Semi-implicit back propagation", 2020, arXiv 2002.03516. The text of the paper could not be had; what is
built here is what the authors' program does. The equations stand in the docstring of `feedbackalign.rules.implicit`.
From the top down, for every layer, with sums over the batch and errors of each sample's own loss:

    Eq. 5    T = F − η e                                                            the target of the layer's output F
    Eq. 6    W⁺ = argmin over V of ‖σ(X Vᵀ + b) − T‖² + λ_W ‖V − W‖²                X: the layer's inputs, as they were
    Eq. 7    b⁺ = argmin over c of ‖σ(X W⁺ᵀ + c) − T‖² + λ_b ‖c − b‖²               with the new W
    Eq. 8    e ← (e ∘ σ'(z)) W⁺                                                     new weights, old slopes

Transported   W⁺: the errors go down through the weights that the layer has just found.
Local         nothing more: the solve needs all samples of the batch.
When it is backprop's direction     λ_W, λ_b → ∞, with step η/λ. Not η → 0: the output layer's step then is the gradient
              times (XᵀX + λI)⁻¹.

The step is the rule's own: W and b become W⁺ and b⁺, and no optimiser is asked. It is SGD's with lr 1. λ alone can be
anything. η cannot: the changes of all layers add up.

Deviations from the program
    - Its conjugate gradients leave the bias out of the first gradient that they compute for it, and accept a step only
      after one reduction, of another length than the one they tried. Here both are as the method says, the first length
      tried is the longest that could do, and where a direction does not lead down the steps begin anew.
    - `solver="newton"` is ours: the program has five steps of conjugate gradients alone.
    - Batches are drawn without replacement. Weights start as in every network here.
"""

import copy

import numpy as np

from feedbackalign.alignment import angle
from feedbackalign.networks import small
from feedbackalign.networks.chains import relu_chain
from feedbackalign.ops.norms import norm
from feedbackalign.rules.base import Rule, Step
from feedbackalign.rules.implicit import truths
from feedbackalign.rules.implicit.subproblem import SubProblem, conjugate_gradients, newton
from feedbackalign.validation import require_finite, require_generator, require_known, require_number, require_step


class SemiImplicit(Rule):
    """Solve each layer for a target of its output, then send the error down through the new weights.

    Parameters
    ----------
    network : Network
        Dense ReLU layers under a linear output; see `chains.relu_chain`.
    rng : numpy.random.Generator
        Not used.
    eta : float above 0
        η, how far a target lies from the output.
    weight_penalty : float from 1e-10 to 1e10
        λ_W, what it costs to move weights, beside a sum over the batch. Under a stronger one even the line search's
        shortest step is too long.
    bias_penalty : float from 1e-10 to 1e10
        λ_b, the same for biases.
    solver : "cg" or "newton"
        Five steps of conjugate gradients for each problem, or Newton's method until it stops; see `subproblem`.

    Attributes
    ----------
    status : dict
        {layer: (out,) words}: where Newton's method stopped with each row of W; empty with "cg".

    Raises
    ------
    UnfitNetworkError
        For layers that are no ReLU chain; it names the layer.

    >>> from feedbackalign.networks import mlp
    >>> net = mlp([4, 3, 2], rng=np.random.default_rng(0))
    >>> rule = SemiImplicit(net, rng=np.random.default_rng(1), solver="newton")
    >>> step = rule.gradients(np.ones((5, 4), dtype=np.float32), np.array([0, 1, 0, 1, 0]))
    >>> rule.status["fc2"]
    array(['stationary', 'stationary'], dtype='<U10')
    """

    name = "semi-implicit"
    paper = "Liu, Zhang 2020, arXiv 2002.03516"
    sketch = (("above", "below", "W", "W"),)
    takes = "dense ReLU networks"
    reads_forward_weights = "yes"
    own_step = True
    solvers = ("cg", "newton")
    own_truths = (truths.lower_sums, truths.new_weights, truths.strong_penalty, truths.linear_layer, truths.rest)

    def __init__(self, network, *, rng, eta=0.5, weight_penalty=1.0, bias_penalty=1.0, solver="cg"):
        super().__init__(network, rng=require_generator(rng, type(self).name))
        self.stages = relu_chain(network)
        self.eta = require_step(eta, "eta", np.float64, divided=False)
        self.weight_penalty = require_number(weight_penalty, "weight_penalty", low=1e-10, high=1e10)
        self.bias_penalty = require_number(bias_penalty, "bias_penalty", low=1e-10, high=1e10)
        self.solver = require_known(solver, self.solvers, "solver")
        self.status = {}

    # ------------------------------------------------------------------------------------------- the learning phase

    def gradients(self, x, targets):
        require_finite(x, "x")
        return self.walk_down(self.network.forward(x), targets)

    def walk_down(self, output, targets):
        """From the top to the bottom, after a forward pass that answered `output`: -> Step with W − W⁺ and b − b⁺."""
        N = len(output)
        loss, error = self.network.loss_and_error(output, targets)              # float, (N, out)
        step, error = Step(loss=loss), N * error                                # e of each sample's own loss
        for stage in reversed(self.stages):
            layer = stage.layer
            layer.gradients = self.solve(stage, error)                          # Eq. 5, 6 and 7
            step.grads |= {f"{layer.name}.{key}": change for key, change in layer.gradients.items()}
            error = self.through_unit(stage, error)
            layer.error = step.errors[layer.name] = error / N
            error = self.send_back(layer, error)
        return step

    def through_unit(self, stage, error):
        """e ∘ σ'(z) with the slopes of the forward pass; the top is linear."""
        return error if stage is self.stages[-1] else stage.unit.backward(error)

    def send_back(self, layer, error):                                          # Eq. 8: (N, out) -> (N, in)
        return layer.transport(error, layer.weight - layer.gradients["weight"])             # through W⁺

    def solve(self, stage, error):
        """A layer's steps for an error e at its unit's output (N, out): -> {"weight": W − W⁺, "bias": b − b⁺}."""
        problem = self.weight_problem(stage, error)
        V = self.minimum(problem, stage.name)                                   # (out, in)
        if stage.layer.mask is not None:
            V = V * stage.layer.mask                                            # synapses that do not exist stay so
        steps = {"weight": -V}
        if stage.layer.bias is not None:
            steps["bias"] = -self.minimum(self.bias_problem(problem, V))[:, 0]  # (out, 1) -> (out,)
        return {key: step.astype(stage.layer.weight.dtype) for key, step in steps.items()}

    def error_at(self, stage, N):
        """e at the unit's output in the last pass, (N, out)."""
        return N * stage.layer.error if stage is self.stages[-1] else stage.unit.error

    def weight_problem(self, stage, error):
        """Eq. 6, in float64."""
        z = None if stage is self.stages[-1] else stage.unit.input.astype(np.float64)       # the top is linear
        return SubProblem(stage.layer.input.astype(np.float64), z, self.eta * error.astype(np.float64),
                          self.weight_penalty)

    def bias_problem(self, problem, V):
        """Eq. 7: what is left when W has changed by V."""
        moved = problem.X @ V.T                                                 # (N, in) x (in, out) -> (N, out)
        z = None if problem.z is None else problem.z + moved
        return SubProblem(np.ones((len(moved), 1)), z, problem.residual(moved), self.bias_penalty)

    def minimum(self, problem, name=None):
        """The solver's V (out, n); what Newton's method says of its rows is kept under the layer's name."""
        if self.solver == "cg":
            return conjugate_gradients(problem)
        V, status = newton(problem)
        if name is not None:
            self.status[name] = status
        return V

    def update(self, optimizer, step):
        """W and b become W⁺ and b⁺; the optimiser is not asked."""
        for name, array in self.network.parameters().items():
            array -= step.grads[name]

    def sent_down(self, output, targets):
        return self.walk_down(output, targets).errors

    # --------------------------------------------------------------------------------------------- what to look at

    def trace(self, x, targets):
        """One row per layer, from the top.

        The sum of Eq. 6 at the start and at W⁺; how many rows of W Newton's method left at a kink (None with "cg"); the
        length of the update of W, and its angle to backprop, in degrees.
        """
        twin = copy.deepcopy(self).astype(np.float64)
        exact, step = twin.backprop_gradients(x, targets), twin.gradients(x, targets)
        rows = []
        for stage in reversed(twin.stages):
            weight = f"{stage.name}.weight"
            problem = twin.weight_problem(stage, twin.error_at(stage, len(x)))
            status = twin.status.get(stage.name)
            rows.append({
                "layer": stage.name,
                "sum_at_start": float((problem.R**2).sum()),
                "sum_at_the_new_W": problem.objective(step.grads[weight], -problem.X @ step.grads[weight].T),
                "rows_at_a_kink": None if status is None else int((status == "kink").sum()),
                "update_norm": norm(step.grads[weight]),
                "angle_to_backprop": angle(step.grads[weight], exact[weight]),
            })
        return rows

    @classmethod
    def small_networks(cls, rng):
        yield "dense", *small.dense(rng, activation="relu")
        yield "wide dense", *small.wide(rng, activation="relu")

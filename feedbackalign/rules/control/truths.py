"""What is exactly true of deep feedback control, as numbers for `feedbackalign check`.

Every truth takes the rule's class and a Generator and yields (what, value, tolerance). Its network is drawn together
with feedback under which the controller is stable. The equations stand in the docstring of
`feedbackalign.rules.control`.
"""

import numpy as np

from feedbackalign.networks import mlp
from feedbackalign.networks.jacobians import damped_pinv, dense_chain, forward, joint_gauss_newton, pre_jacobians
from feedbackalign.ops import norms
from feedbackalign.rules.control.dynamics import Controller, fixed_point, loop, settle, steady_state
from feedbackalign.rules.control.feedback import drawn_feedback
from feedbackalign.rules.control.learning import gradients_at


def settling(kind, rng):
    """A linear network settles where Eq. 5 says; a network of tanh units O(λ²) from there."""
    _, stages, seen, delta, Q = controlled_case(rng, activation="identity")
    for leak in ("integral", "total"):
        controller = Controller(alpha=0.1, k_p=1.0, dt=0.1, tau=0.2, leak=leak)
        state = settle(stages, seen, seen.output + delta, Q, controller, steps=800)
        exact = steady_state(stages, seen, delta, Q, controller.damping)
        yield f"linear network, leak on the {leak}: control after 800 steps against (JQ + α̃I)⁻¹δ", \
            relative(state.u, exact.u), 1e-8
    _, stages, seen, delta, Q = controlled_case(rng)
    gaps = [relative(steady_state(stages, seen, scale * delta, Q, 0.1).u,
                     fixed_point(stages, seen, seen.output + scale * delta, Q, 0.1).u) for scale in (1e-3, 5e-4)]
    yield (f"tanh network: relative error of (JQ + α̃I)⁻¹δ at λ over that at λ/2: {gaps[0] / gaps[1]:.4g}, relative "
           f"distance to 2", abs(gaps[0] / gaps[1] / 2 - 1), 0.05)


def inversion(kind, rng):
    """Under condition 2 Q (J Q)⁻¹ is J^†."""
    _, stages, seen, _, _ = controlled_case(rng)
    Q, M = spanning_feedback(stages, seen, rng)
    inverse = np.concatenate(Q) @ np.linalg.inv(loop(stages, seen, Q)[0])
    exact = damped_pinv(np.concatenate(pre_jacobians(stages, seen), axis=2)[0])
    yield "Q (JQ)⁻¹ against J^† where Q = JᵀM", relative(inverse, exact), 1e-10 * np.linalg.cond(M)


def gauss_newton(kind, rng):
    """Under conditions 1 and 2 the update by Eq. 7 is the Gauss-Newton step of all weights together."""
    _, stages, seen, delta, _ = controlled_case(rng, activation="identity", samples=1, bias=False)
    x = below = seen.post[0] / np.linalg.norm(seen.post[0])
    for layer, _ in stages[:-1]:                                                # every ‖r_i‖ = 1: condition 1
        layer.weight *= 1.0 / np.linalg.norm(layer.answer(below))
        below = layer.answer(below)
    seen = forward(stages, x)
    Q, _ = spanning_feedback(stages, seen, rng)
    state = steady_state(stages, seen, delta, Q, 0.0)
    first_order = state._replace(r=seen.post)                                   # λ → 0: the rates have not moved yet
    ours = gradients_at(stages, seen, first_order, 1.0, kind="voltages")
    exact = joint_gauss_newton(stages, seen, -delta, 0.0)
    flat = [np.concatenate([grads[name].ravel() for name in exact]) for grads in (ours, exact)]
    yield "conditions 1 and 2: update against J_W^† δ, all weights together", relative(*flat), 1e-10


def zero_error(kind, rng):
    """Where the output is right nothing is pushed and nothing is learnt."""
    net, _, seen, _, _ = controlled_case(rng)
    step = kind(net, rng=rng).gradients(seen.post[0], seen.output)
    yield "largest update where the output is its target", [abs(g).max() for g in step.grads.values()], 1e-14


# ------------------------------------------------------------------------------------------------------- the networks

def controlled_case(rng, *, activation="tanh", samples=4, bias=True):
    """A dense network 5-6-4-3 with a batch, a step of its output, and stable feedback: -> (net, stages, seen, δ, Q).

    >>> net, stages, seen, delta, Q = controlled_case(np.random.default_rng(0))
    >>> [q.shape for q in Q], delta.shape
    ([(6, 3), (4, 3), (3, 3)], (4, 3))
    """
    net = mlp([5, 6, 4, 3], activation=activation, loss="squared-error", bias=bias, rng=rng, dtype=np.float64)
    for name, array in net.parameters().items():
        if name.endswith("bias"):
            array[...] = 0.3 * rng.normal(size=array.shape)
    stages = dense_chain(net)
    seen = forward(stages, rng.normal(size=(samples, 5)))
    delta = 0.1 * rng.normal(size=(samples, 3))
    return net, stages, seen, delta, drawn_feedback(stages, rng)


def spanning_feedback(stages, seen, rng, spread=0.2):
    """Feedback that meets condition 2 at the first sample, Q = Jᵀ M, M close to the identity: -> (Q, M)."""
    jacobians = pre_jacobians(stages, seen)
    out = seen.output.shape[1]
    M = np.eye(out) + spread * rng.normal(size=(out, out)) / out**0.5
    return [J[0].T @ M for J in jacobians], M


def relative(ours, exact):
    return norms.relative([ours], [exact])

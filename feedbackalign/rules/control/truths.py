"""What is exactly true of deep feedback control, as numbers: what its rules show in `feedbackalign check`.

Every network is drawn with feedback under which its controller is stable.
"""

import numpy as np

from feedbackalign.networks import mlp
from feedbackalign.networks.jacobians import damped_pinv, dense_chain, forward, joint_gauss_newton, pre_jacobians
from feedbackalign.rules.control.dynamics import Controller, fixed_point, loop, settle, steady_state
from feedbackalign.rules.control.feedback import drawn_feedback
from feedbackalign.rules.control.learning import gradients_at

SIZES = (5, 6, 4, 3)


def controlled_case(rng, *, sizes=SIZES, activation="tanh", samples=4, bias=True):
    """A dense network with a batch, a step of its output, and stable feedback: -> (net, stages, seen, δ, Q).

    >>> net, stages, seen, delta, Q = controlled_case(np.random.default_rng(0))
    >>> [q.shape for q in Q], delta.shape
    ([(6, 3), (4, 3), (3, 3)], (4, 3))
    """
    net = mlp(list(sizes), activation=activation, loss="squared-error", bias=bias, rng=rng, dtype=np.float64)
    for name, array in net.parameters().items():
        if name.endswith("bias"):
            array[...] = 0.3 * rng.normal(size=array.shape)
    stages = dense_chain(net)
    seen = forward(stages, rng.normal(size=(samples, sizes[0])))
    delta = 0.1 * rng.normal(size=(samples, sizes[-1]))
    return net, stages, seen, delta, drawn_feedback(stages, rng)


def row_space(stages, seen, rng):
    """Feedback that meets condition 2 at the first sample, Q = Jᵀ M with M's symmetric part positive: -> (Q, J, M)."""
    jacobians = pre_jacobians(stages, seen)
    out = jacobians[-1].shape[1]
    M = np.eye(out) + 0.2 * rng.normal(size=(out, out)) / out**0.5
    return [J[0].T @ M for J in jacobians], np.concatenate(jacobians, axis=2)[0], M


def relative(ours, exact):
    return float(np.linalg.norm(ours - exact) / np.linalg.norm(exact))


def equal_lengths(stages, x, length=1.0):
    """Scale W_i, one sample x (1, in), until every linear layer's answer has this length: condition 1."""
    below = x
    for layer, _ in stages[:-1]:
        layer.weight *= length / np.linalg.norm(layer.respond(below))
        below = layer.respond(below)


def control(kind, rng):
    """Settling, inversion, Gauss-Newton where both conditions hold, and rest where there is no error."""
    yield from settling(rng)
    yield from inversion(rng)
    yield from gauss_newton(rng)
    yield from zero_error(kind, rng)


def settling(rng):
    """A linear network settles where Eq. 5 says; a bent one O(λ²) from there."""
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


def inversion(rng):
    """Q (J Q)⁻¹ is J^† under condition 2."""
    _, stages, seen, _, _ = controlled_case(rng)
    Q, J, M = row_space(stages, seen, rng)
    inverse = np.concatenate(Q) @ np.linalg.inv(loop(stages, seen, Q)[0])
    yield "Q (JQ)⁻¹ against J^† where Q = JᵀM", relative(inverse, damped_pinv(J)), 1e-10 * np.linalg.cond(M)


def gauss_newton(rng):
    """Under conditions 1 and 2 the voltages' update is the Gauss-Newton update of all weights together."""
    _, stages, seen, delta, _ = controlled_case(rng, activation="identity", samples=1, bias=False)
    x = seen.post[0] / np.linalg.norm(seen.post[0])
    equal_lengths(stages, x)                                                    # ‖r‖ = 1, and the rate is 1/‖r‖²
    seen = forward(stages, x)
    Q, _, _ = row_space(stages, seen, rng)
    state = steady_state(stages, seen, delta, Q, 0.0)
    first_order = state._replace(r=seen.post)                                   # λ → 0: rates not yet moved
    ours = gradients_at(stages, seen, first_order, 1.0, kind="voltages")
    exact = joint_gauss_newton(stages, seen, -delta, 0.0)
    flat = [np.concatenate([grads[name].ravel() for name in exact]) for grads in (ours, exact)]
    yield "conditions 1 and 2: update against J_W^† δ, all weights together", relative(*flat), 1e-10


def zero_error(kind, rng):
    """Where the output is right already nothing is pushed and nothing is learnt."""
    net, _, seen, _, _ = controlled_case(rng)
    step = kind(net, rng=rng).gradients(seen.post[0], seen.output)
    yield "largest update where the output is its target", max(abs(g).max() for g in step.grads.values()), 1e-14

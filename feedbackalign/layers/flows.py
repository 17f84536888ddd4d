"""A flow as a layer: the state moves along weights that move themselves, and stay orthogonal all the way.

Choromanski et al., "An Ode to an ODE", NeurIPS 2020, arXiv 2006.11421: one flow inside another, ẋ = f(W x) and
Ẇ = W B(t, W).

    up      Eq. 1   X_{k+1} = X_k + h f(X_k W_kᵀ)                    explicit Euler, h = time / steps
            Eq. 2   W_{k+1} = W_k E_k,  E_k = exp(h B_k),  B_k = M_k − M_kᵀ,  M_k of `ops.vector_fields`
    down    Eq. 3   q = h λ_{k+1} ∘ f'(X_k W_kᵀ),   λ_k = λ_{k+1} + q W_k
            Eq. 4   Π_k = Π_{k+1} E_kᵀ + qᵀ X_k + ∂W of the field,   G_E = W_kᵀ Π_{k+1}     Π_N = 0

λ_k is ∂L/∂X_k and Π_k is ∂L/∂W_k, entry by entry, as if W_k might be any matrix. E_k is orthogonal because B_k is skew,
so all W_k are as orthogonal as W_0. That gives the error a band which does not depend on what is learnt: with |f'| ≤ σ
and hσ < 1

            Eq. 5   (1 − hσ)^(N−k) ≤ ‖λ_k‖ / ‖λ_N‖ ≤ (1 + hσ)^(N−k)    of every batch, and of every sample

The error's length is bounded, not preserved: Eq. 3 adds something to λ at every step.

Deviations from the paper, of which the abstract alone could be read
    - The discrete scheme, f, the widths of the gates and all starting values are our choice, and so is the sum over the
      gates of the gated field.
    - W_0 is a random orthogonal matrix. It is state, as running statistics are: saved, and not given to the optimiser.
"""

import typing
import warnings

import numpy as np

from feedbackalign.layers.base import Layer
from feedbackalign.layers.units import ACTIVATIONS
from feedbackalign.ops import initialisers, skew, vector_fields
from feedbackalign.validation import (require_dtype, require_floats, require_generator, require_integer, require_known,
                                      require_number)


class Field(typing.NamedTuple):
    """A vector field, its backward, and the names of its parameters in the order in which both take them."""

    value: typing.Callable
    backward: typing.Callable
    names: tuple


FIELDS = {"iso": Field(vector_fields.iso, vector_fields.iso_backward, ("Q", "N")),
          "gated": Field(vector_fields.gated, vector_fields.gated_backward, ("a", "U", "p", "V", "q")),
          "free-time": Field(vector_fields.free_time, vector_fields.free_time_backward, ("S",))}
MAPS = {"exp": (skew.skew_exp, skew.skew_exp_adjoint), "cayley": (skew.cayley, skew.cayley_adjoint)}
CROOKED = 1e-3                      # largest entry of W₀ᵀW₀ − I that is taken: central differences bend W_0 by less


class MatrixFlow(Layer):
    """The state (N, d) moves for `steps` steps along matrices W_0, W_1, … that a vector field turns.

    Parameters
    ----------
    d : int
        Width of the state; it does not change.
    steps : int
    time : float above 0
        Length of the flow; one step takes time / steps.
    flow : "iso", "gated" or "free-time"
        The vector field, see `ops.vector_fields`.
    activation : str
        f, one of `ACTIVATIONS`.
    map : "exp" or "cayley"
        How a skew matrix becomes an orthogonal one, see `ops.skew`.
    gates, hidden : int
        Of the gated field: how many small networks, and how many tanh units in each.
    rng : numpy.random.Generator
        Draws W_0 and the parameters.
    dtype : numpy.float32 or numpy.float64

    Attributes
    ----------
    Q, N : (d, d) arrays of "iso"; S : (steps, d, d) of "free-time"; a, U, p, V, q of "gated"
        The parameters.
    W0 : (d, d) array
        Where the matrices start; it must be orthogonal.
    states, matrices : (steps + 1, N, d) and (steps + 1, d, d) arrays
        X_k and W_k of the last forward pass; `preactivations` (steps, N, d) are the X_k W_kᵀ.
    errors : (steps + 1, N, d) array
        λ_k of the last backward pass.
    start_gradient : (d, d) array
        Π_0 of the last backward pass, ∂L/∂W_0.

    Raises
    ------
    FloatingPointError
        In a forward pass, where the field is no longer finite; it names the step.

    >>> layer = MatrixFlow(4, steps=10, rng=np.random.default_rng(0), dtype=np.float64)
    >>> y = layer.forward(np.random.default_rng(1).normal(size=(3, 4)))
    >>> bool(np.allclose(layer.matrices[10].T @ layer.matrices[10], np.eye(4), atol=1e-14))
    True
    >>> low, high = layer.band()
    >>> [float(bound.round(3)) for bound in (low[0], high[0])]
    [0.349, 2.594]
    """

    kind = "flow"

    def __init__(self, d, steps, time=1.0, *, flow="iso", activation="abs", map="exp", gates=4, hidden=8, rng,
                 dtype=np.float32):
        super().__init__()
        d = require_integer(d, "MatrixFlow d", low=1)
        self.steps = require_integer(steps, "MatrixFlow steps", low=1)
        self.time = require_number(time, "MatrixFlow time", low=0, low_open=True)
        self.flow = require_known(flow, FIELDS, "flow")
        self.unit = ACTIVATIONS[require_known(activation, ACTIVATIONS, "activation")]
        self.map = require_known(map, MAPS, "map")
        gates = require_integer(gates, "gates", low=1)
        hidden = require_integer(hidden, "hidden", low=1)
        require_generator(rng, "MatrixFlow")
        dtype = require_dtype(dtype)
        if self.h * self.unit.steepest >= 1:
            warnings.warn(f"MatrixFlow: a step of {self.h:g} times the unit's steepest slope {self.unit.steepest:g} is "
                          f"at least 1, so errors have no lower bound: take more steps", stacklevel=2)
        self.W0 = initialisers.orthogonal((d, d), rng, dtype)
        for name, array in starting_values(flow, d, self.steps, gates, hidden, rng).items():
            setattr(self, name, array.astype(dtype))
        self.forget()

    @property
    def h(self):
        """Length of one step."""
        return self.time / self.steps

    def parameters(self):
        return {name: getattr(self, name) for name in FIELDS[self.flow].names}

    def state(self):
        return {"W0": self.W0}

    # -------------------------------------------------------------------------------------------------- the passes

    def forward(self, x, training=True):
        require_floats(x, f"input of {self.name}", shape=(None, len(self.W0)))
        self.check_start()
        self.input = x
        states, matrices, preactivations, self.turns = [x], [self.W0], [], []
        for k in range(self.steps):
            X, W = states[k], matrices[k]
            v = X @ W.T                                                         # (N, d) x (d, d) -> (N, d)
            states.append(X + self.h * self.unit.function(v))                                           # Eq. 1
            M = self.lead(W, k)                                                 # (d, d)
            if not np.isfinite(M).all():
                raise FloatingPointError(f"{self.name}: the flow of its matrices is no longer finite at step {k} of "
                                         f"{self.steps}; a smaller learning rate may help")
            W, *memory = self.turn(W, M)                                                                # Eq. 2
            matrices.append(W), preactivations.append(v), self.turns.append((M, *memory))
        self.states, self.matrices, self.preactivations = np.array(states), np.array(matrices), np.array(preactivations)
        return self.states[-1].copy()

    def backward(self, error):
        self.remember_error(error)
        found = {name: np.zeros_like(array) for name, array in self.parameters().items()}
        errors, Pi = [error], np.zeros_like(self.W0)                            # λ_N (N, d), Π_N (d, d)
        for k in reversed(range(self.steps)):
            W, error = self.matrices[k], errors[-1]
            Pi, G = self.turn_back(Pi, W, *self.turns[k])                       # (d, d), (d, d)
            q = self.h * error * self.unit.derivative(self.preactivations[k])   # (N, d)
            errors.append(error + q @ W)                                        # (N, d) x (d, d) -> (N, d)   Eq. 3
            G_W, *gradients = self.lead_back(G, W, k)
            Pi = Pi + q.T @ self.states[k] + G_W                                # (d, N) x (N, d) -> (d, d)   Eq. 4
            for total, gradient in zip(found.values(), gradients):
                total = total[k] if self.flow == "free-time" else total         # there every step has its own
                total += gradient
        self.errors, self.start_gradient, self.gradients = np.array(errors[::-1]), Pi, found
        return self.errors[0].copy()

    def lead(self, W, k):
        """The vector field at step k: W_k (d, d) -> M_k (d, d)."""
        return FIELDS[self.flow].value(W, *self.arguments(k))

    def lead_back(self, G, W, k):
        """∂L/∂M_k (d, d) -> what it says of W_k (d, d), and of every parameter of the field."""
        return FIELDS[self.flow].backward(G, W, *self.arguments(k))

    def turn(self, W, M):
        """Eq. 2, from W_k and M_k (d, d): -> W_{k+1}, E_k, and what the map's adjoint needs."""
        E, *memory = MAPS[self.map][0](self.h * (M - M.T))
        return W @ E, E, *memory

    def turn_back(self, Pi, W, M, E, *memory):
        """From Π_{k+1} (d, d), and what `turn` was given and found: -> Π_{k+1} E_kᵀ, ∂L/∂M_k."""
        G = self.h * MAPS[self.map][1](W.T @ Pi, *memory)                       # ∂L/∂B_k
        return Pi @ E.T, G - G.T

    def arguments(self, k):
        """What the vector field is given at step k, besides W_k."""
        if self.flow == "free-time":
            return (self.S[k],)
        own = tuple(getattr(self, name) for name in FIELDS[self.flow].names)
        return (k * self.h, *own) if self.flow == "gated" else own

    def check_start(self):
        """Refuse a W_0 that is not orthogonal: no matrix of the flow would be, and Eq. 5 would not hold."""
        gap = departure(self.W0)
        if not gap <= CROOKED:
            raise ValueError(f"{self.name}.W0: expected an orthogonal matrix, got one where the largest entry of "
                             f"W0ᵀ W0 − I is {gap:.2g}")

    # ------------------------------------------------------------------------------------------------- to look at

    def band(self):
        """Eq. 5: -> the lowest and the highest ‖λ_k‖ / ‖λ_N‖ for k = 0 … N, two arrays (steps + 1,).

        Where hσ ≥ 1 nothing keeps errors from vanishing, and the lowest is 0.
        """
        left = self.steps - np.arange(self.steps + 1)
        slope = self.h * self.unit.steepest
        return max(1 - slope, 0.0) ** left, (1 + slope) ** left

    def known_input_shape(self):
        return (len(self.W0),)

    def output_shape(self, input_shape):
        if tuple(input_shape) != self.known_input_shape():
            raise ValueError(f"{self.name}: expected {len(self.W0)} inputs per sample, got shape {input_shape}")
        return self.known_input_shape()

    def astype(self, dtype):
        super().astype(dtype)
        self.turns, self.gradients = None, {}
        return self

    def forget(self):
        super().forget()
        self.states = self.matrices = self.preactivations = self.turns = self.errors = self.start_gradient = None

    def __repr__(self):
        return (f"MatrixFlow({len(self.W0)}, {self.steps}, {self.time:g}, {self.flow}, {self.unit.kind}, {self.map})")


def departure(W):
    """How far W (d, d) is from orthogonal: the largest entry of WᵀW − I, in size.

    >>> departure(np.diag([1.0, -1.0])), departure(np.diag([1.0, 2.0]))
    (0.0, 3.0)
    """
    return float(np.abs(W.T @ W - np.eye(len(W), dtype=W.dtype)).max())


def starting_values(flow, d, steps, gates, hidden, rng):
    """{name: array} of a field's parameters, such that the first B = M − Mᵀ has a largest singular value of 1 to 2."""
    spread = 0.5 / d**0.5
    if flow == "iso":
        return {"Q": rng.normal(0, spread, (d, d)), "N": rng.normal(0, spread, (d, d))}
    if flow == "free-time":
        return {"S": rng.normal(0, spread, (steps, d, d))}
    return {"a": np.ones(gates),
            "U": rng.normal(0, d**-0.5, (gates, hidden, d * d + 1)), "p": np.zeros((gates, hidden)),
            "V": rng.normal(0, (gates * hidden * d)**-0.5, (gates, d * d, hidden)), "q": np.zeros((gates, d * d))}

"""One layer's problem in semi-implicit steps, and two solvers for it: Newton's method, and conjugate gradients.

The equations stand in the docstring of `feedbackalign.rules.implicit`. Here they are written for the change V of the
weights, with the residual R = σ(z) − T that is there before it (η e, or what W has left of it for b):

    minimise    ‖σ(z + X Vᵀ) − σ(z) + R‖² + λ ‖V‖²                  X (B, n), z and R (B, out), V (out, n)

Eq. 6 has X = the layer's inputs, Eq. 7 X = a column of ones. The change is found itself, not as the difference of two
weights, so it keeps its digits where λ is large and V small.

At V = 0 the sum is ‖R‖². Whatever a solver that only goes down returns, the sum is at most that, and
‖V‖² ≤ ‖R‖²/λ. With a linear σ the exact V even has ‖V‖² ≤ ‖R‖²/(4λ).

With σ = ReLU every row of V has a problem of its own. It is quadratic wherever no unit changes sides, but neither
smooth nor convex: where z = 0 and T ≠ 0 it has a kink. Newton's method may stop there, and its gradient is not zero.
"""

import dataclasses

import numpy as np

from feedbackalign.ops.norms import norm
from feedbackalign.rules.implicit.solve import amended

CG_STEPS = 5
ARMIJO, SHORTER, BACKTRACKS = 0.1, 0.6, 50          # of the authors' line search
NEWTON_STEPS, HALVES = 50, 0.5 ** np.arange(24)
STATIONARY = 1e-10                                  # of the length that a gradient can have: below it is zero
KINK = 1e-6                                         # a pre-activation nearer to 0 lies at the kink


@dataclasses.dataclass
class SubProblem:
    """‖σ(z + X Vᵀ) − σ(z) + R‖² + penalty · ‖V‖², to be minimised over V.

    Parameters
    ----------
    X : array (B, n)
    z : array (B, out), or None where σ is the identity; otherwise σ is the ReLU
    R : array (B, out)
    penalty : float above 0
        λ.
    """

    X: np.ndarray
    z: np.ndarray
    R: np.ndarray
    penalty: float

    def residual(self, moved):
        """What is left of R when z has moved by X Vᵀ: (B, out) -> (B, out)."""
        if self.z is None:
            return moved + self.R
        return np.maximum(self.z + moved, 0.0) - np.maximum(self.z, 0.0) + self.R

    def objective(self, V, moved):
        """The sum to be minimised: V (out, n), moved = X Vᵀ (B, out) -> float."""
        return float((self.residual(moved)**2).sum() + self.penalty * (V**2).sum())

    def on_line(self, V, moved, direction, along):
        """t -> the sum at V + t · direction, where along = X directionᵀ: lengths of V are found once for all t."""
        square, mixed, far = (float(np.vdot(a, b)) for a, b in ((V, V), (V, direction), (direction, direction)))

        def value(t):
            left = self.residual(moved + t * along)
            return float(np.vdot(left, left)) + self.penalty * (square + 2.0 * t * mixed + t**2 * far)
        return value

    def gradient(self, V, moved):
        """Its gradient: (out, n)."""
        slope = 1.0 if self.z is None else self.z + moved > 0.0
        return 2.0 * (self.residual(moved) * slope).T @ self.X + 2.0 * self.penalty * V     # (out, B) x (B, n)

    def row(self, unit):
        """The problem of one unit alone."""
        only = np.s_[:, unit:unit + 1]
        return SubProblem(self.X, None if self.z is None else self.z[only], self.R[only], self.penalty)


# ------------------------------------------------------------------------------------------------ conjugate gradients

def conjugate_gradients(problem):
    """Five steps of Fletcher and Reeves with an Armijo line search, for all rows at once: -> V (out, n).

    Where the direction does not lead down, the steps begin anew with the gradient.

    >>> problem = SubProblem(np.eye(2), None, np.array([[1.0], [3.0]]), penalty=1.0)
    >>> conjugate_gradients(problem).round(1)
    array([[-0.5, -1.5]])
    """
    V = np.zeros((problem.R.shape[1], problem.X.shape[1]))                      # (out, n)
    moved = np.zeros(problem.R.shape)                                           # (B, out)
    gradient = problem.gradient(V, moved)
    direction = -gradient
    for _ in range(CG_STEPS):
        if is_zero(gradient, problem, V):                                       # a step would only enlarge the rounding
            break
        slope = float((gradient * direction).sum())
        if slope >= 0.0:
            direction, slope = -gradient, -float((gradient**2).sum())
        along = problem.X @ direction.T                                         # (B, n) x (n, out) -> (B, out)
        t = armijo(problem.on_line(V, moved, direction, along), slope)
        V, moved = V + t * direction, moved + t * along
        before, gradient = (gradient**2).sum(), problem.gradient(V, moved)
        direction = -gradient + (gradient**2).sum() / before * direction
    return V


def armijo(value, slope):
    """The first t of t₀, 0.6 t₀, 0.6² t₀ … that goes down by 0.1 t |slope|; 0 if none of 50 does.

    value(t) is the sum at t, its slope at 0 is negative. It cannot fall below 0, so no t can do so that is longer than
    t₀ = 10 value(0) / |slope|; nor is one longer than 1 tried.
    """
    start = value(0.0)
    t = min(1.0, start / (ARMIJO * -slope))
    for _ in range(BACKTRACKS + 1):
        if value(t) <= start + ARMIJO * t * slope:
            return t
        t *= SHORTER
    return 0.0


# -------------------------------------------------------------------------------------------------------------- Newton

def newton(problem):
    """The minimum of every row, or the kink where the way down ends: -> V (out, n), status (out,).

    A status is "stationary" (the gradient is zero), "kink" or "limit" (after 50 steps still neither). With a linear σ
    one solve does it, and every row is stationary.

    >>> problem = SubProblem(np.eye(2), None, np.array([[1.0], [3.0]]), penalty=1.0)
    >>> newton(problem)
    (array([[-0.5, -1.5]]), array(['stationary'], dtype='<U10'))
    """
    if problem.z is None:
        return -amended(problem.X, problem.R, problem.penalty), np.full(problem.R.shape[1], "stationary")
    rows = [newton_row(problem.row(unit)) for unit in range(problem.R.shape[1])]
    return np.concatenate([V for V, _ in rows]), np.array([status for _, status in rows], dtype="<U10")


def newton_row(problem):
    """Newton's method for one unit, whose step is halved until the sum falls: -> V (1, n), status.

    Newton's step leads to the minimum that there would be if the samples with z > 0 kept their slope 1, and the others
    theirs, 0: a linear problem of the first alone.
    """
    X, z, R = problem.X, problem.z, problem.R
    V, moved = np.zeros((1, X.shape[1])), np.zeros(z.shape)                     # (1, n), (B, 1)
    for _ in range(NEWTON_STEPS):
        gradient = problem.gradient(V, moved)
        if is_zero(gradient, problem, V):
            return V, "stationary"
        on = (z + moved > 0.0)[:, 0]
        goal = -amended(X[on], (np.minimum(z, 0.0) + R)[on], problem.penalty)   # (1, n)
        direction, along = goal - V, X @ (goal - V).T                           # (1, n), (B, 1)
        value = problem.on_line(V, moved, direction, along)
        start = value(0.0)
        t = next((t for t in HALVES if value(t) < start), None)
        if t is None:
            return V, "kink"
        V, moved = V + t * direction, moved + t * along
    return V, "stationary" if is_zero(problem.gradient(V, moved), problem, V) else \
        "kink" if np.abs(z + moved).min() < KINK else "limit"


def is_zero(gradient, problem, V):
    """Whether a gradient is rounding beside the lengths of its parts."""
    parts = norm(problem.X) * norm(problem.R) + problem.penalty * norm(V)
    return norm(gradient) <= STATIONARY * parts

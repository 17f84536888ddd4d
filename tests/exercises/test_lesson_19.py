"""The checks of lesson 19 accept what is right and name what is wrong."""

import numpy as np

from tests.exercises.proof import prove
from tests.solutions import lesson_19 as solutions


def exponential(A):
    E = term = np.eye(len(A))
    for n in range(1, 40):
        term = term @ A / n
        E = E + term
    return E


def step(W, Q, N, h, *, H=None, sign=1.0, skew=True, on_the_left=False):
    H, N_s = W.T @ (Q + Q.T) @ W if H is None else H, N + N.T
    E = exponential(sign * h * (H @ N_s - N_s @ H.T if skew else H @ N_s))
    return E @ W if on_the_left else W @ E


def test_19_1():
    def euler(W, Q, N, h):
        H, N_s = W.T @ (Q + Q.T) @ W, N + N.T
        return W + h * W @ (H @ N_s - N_s @ H)

    def alone(*, Q_s=False, N_s=False, transposed=True):
        """Q or N where Q_s or N_s belongs, in B = M − Mᵀ or in B = H N_s − N_s H."""
        def wrong(W, Q, N, h):
            H, right = W.T @ (Q + Q.T if Q_s else Q) @ W, N + N.T if N_s else N
            M = H @ right
            return W @ exponential(h * (M - M.T if transposed else M - right @ H))
        return wrong

    prove("19.1", right=[solutions.turned, solutions.turned_by_a_series], kind="other",
          own={"not skew": (lambda *given: step(*given, skew=False), "M itself is in the exponential"),
               "Euler": (euler, "drifts away"),
               "other way": (lambda *given: step(*given, sign=-1.0), "the other way round"),
               "no h": (lambda W, Q, N, h: step(W, Q, N, 1.0), "left out h"),
               "on the left": (lambda *given: step(*given, on_the_left=True), "on the left of W"),
               "Q alone": (alone(N_s=True), "Q is not made symmetric"),
               "Q alone, in the bracket": (alone(N_s=True, transposed=False), "Q is not made symmetric"),
               "N alone": (alone(Q_s=True), "N is not made symmetric"),
               "N alone, in the bracket": (alone(Q_s=True, transposed=False), "N is not made symmetric"),
               "both alone": (alone(), "neither Q nor N"),
               "both alone, in the bracket": (alone(transposed=False), "neither Q nor N"),
               "H the other way": (lambda W, Q, N, h: step(W, Q, N, h, H=W @ (Q + Q.T) @ W.T), "not W Q_s Wᵀ"),
               "transposed": (lambda *given: solutions.turned(*given).T.copy(), "transpose"),
               "Cayley": (lambda W, Q, N, h: W @ np.linalg.solve(2 * np.eye(len(W)) - bracket(W, Q, N, h),
                                                                2 * np.eye(len(W)) + bracket(W, Q, N, h)),
                          "should be")})


def bracket(W, Q, N, h):
    H, N_s = W.T @ (Q + Q.T) @ W, N + N.T
    return h * (H @ N_s - N_s @ H)


def backward(G, mu, U, *, sign=1.0, half=0.5, sinc=True, phase=True, pi=np.pi):
    j, k = mu[:, None], mu
    phi = (np.exp(sign * 1j * half * (j + k)) if phase else 1.0) * (np.sinc(half * (j - k) / pi) if sinc else 1.0)
    return (U @ ((U.conj().T @ G @ U) * phi) @ U.conj().T).real.copy()


def test_19_2():
    prove("19.2", right=[solutions.exponential_backward, solutions.exponential_backward_by_quotients], kind="other",
          own={"−i": (lambda *given: backward(*given, sign=-1.0), "Φ has the sign of the exponential"),
               "no sinc": (lambda *given: backward(*given, sinc=False), "left out sinc"),
               "np.sinc": (lambda *given: backward(*given, pi=1.0), "divide its argument by π"),
               "no halves": (lambda *given: backward(*given, half=1.0), "the halves are missing"),
               "no phase": (lambda *given: backward(*given, phase=False), "left out the phase"),
               "matrix product": (lambda G, mu, U: (U @ np.diag(np.exp(1j * mu)) @ U.conj().T @ G).real.copy(),
                                  "entry by entry"),
               "transposed": (lambda *given: backward(*given).T.copy(), "transpose")})

"""The checks of lesson 19 accept what is right and name what is wrong."""

import numpy as np
import pytest

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

    def turning(change, exponential=exponential):
        """W exp(h B), with another B made of B."""
        return lambda W, Q, N, h: W @ exponential(change(bracket(W, Q, N, h)))

    def minus_in_Q(W, Q, N, h):
        M = W.T @ (Q - Q.T) @ W @ (N + N.T)
        return W @ exponential(h * (M - M.T))

    def minus_in_N(W, Q, N, h):
        M = W.T @ (Q + Q.T) @ W @ (N - N.T)
        return W @ exponential(h * (M - M.T))

    def cayley(W, Q, N, h):
        B = bracket(W, Q, N, h)
        return W @ np.linalg.solve(2 * np.eye(len(W)) - B, 2 * np.eye(len(W)) + B)

    def added(W, Q, N, h):
        M = W.T @ (Q + Q.T) @ W @ (N + N.T)
        return W @ exponential(h * (M + M.T))

    prove("19.1", right=[solutions.turned, solutions.turned_by_a_series], kinds={
        "order swapped": [turning(np.transpose), turning(lambda B: -B), lambda *given: step(*given, on_the_left=True),
                          lambda W, Q, N, h: step(W, Q, N, h, H=W @ (Q + Q.T) @ W.T),
                          lambda W, Q, N, h: step(W, Q, N, h, H=W @ (Q + Q.T) @ W.T, on_the_left=True)],
        "sign": [lambda *given: -solutions.turned(*given), minus_in_Q, minus_in_N]},
        own={"not skew": (lambda *given: step(*given, skew=False), "M itself is in the exponential"),
             "added": (added, "M + Mᵀ is in the exponential"), "Euler": (euler, "drifts away"),
             "Cayley": (cayley, "the Cayley map"),
             "three terms": (turning(lambda B: B, lambda B: np.eye(len(B)) + B + B @ B / 2), "ends too early"),
             "entry by entry": (lambda *given: given[0] @ np.exp(bracket(*given)), "entry by entry"),
             "W left out": (lambda *given: exponential(bracket(*given)), "W is left out"),
             "H is Q_s": (lambda W, Q, N, h: step(W, Q, N, h, H=Q + Q.T), "yours is Q_s"),
             "no h": (lambda W, Q, N, h: step(W, Q, N, 1.0), "left out h"),
             "halves": (lambda W, Q, N, h: step(W, Q / 2, N / 2, h), "have no ½"),
             "one half": (lambda W, Q, N, h: step(W, Q / 2, N, h), "a ½ too much"),
             "Q alone": (alone(N_s=True), "Q is not made symmetric"),
             "Q alone, in the bracket": (alone(N_s=True, transposed=False), "Q is not made symmetric"),
             "N alone": (alone(Q_s=True), "N is not made symmetric"),
             "N alone, in the bracket": (alone(Q_s=True, transposed=False), "N is not made symmetric"),
             "both alone": (alone(), "neither Q nor N"),
             "both alone, in the bracket": (alone(transposed=False), "neither Q nor N")})


def bracket(W, Q, N, h):
    H, N_s = W.T @ (Q + Q.T) @ W, N + N.T
    return h * (H @ N_s - N_s @ H)


def sinc(x):
    return np.where(x == 0, 1.0, np.sin(x) / np.where(x == 0, 1.0, x))


def backward(G, mu, U, *, sign=1.0, half=0.5, quarter=0.5, sinc=sinc, phase=True, star=np.conj):
    plus, minus = np.add.outer(mu, mu), np.subtract.outer(mu, mu)
    phi = (np.exp(sign * 1j * half * plus) if phase else 1.0) * sinc(quarter * minus)
    return (U @ ((star(U).T @ G @ U) * phi) @ star(U).T).real.copy()


@pytest.mark.slow
def test_19_2():
    def asked(**changes):
        return lambda *given: backward(*given, **changes)

    def exchanged(in_phase, in_sinc):
        def wrong(G, mu, U):
            phi = np.exp(0.5j * in_phase.outer(mu, mu)) * sinc(in_sinc.outer(mu, mu) / 2)
            return (U @ ((U.conj().T @ G @ U) * phi) @ U.conj().T).real.copy()
        return wrong

    def skew_part(G, mu, U):
        found = backward(G, mu, U)
        return found - found.T

    def product(G, mu, U):
        plus, minus = np.add.outer(mu, mu), np.subtract.outer(mu, mu)
        return (U @ (U.conj().T @ G @ U @ (np.exp(0.5j * plus) * sinc(minus / 2))) @ U.conj().T).real.copy()

    def without_care(x):
        with np.errstate(invalid="ignore"):
            return np.sin(x) / x

    prove("19.2", right=[solutions.exponential_backward, solutions.exponential_backward_by_quotients], kinds={
        "sign": [lambda *given: -backward(*given), asked(sign=-1.0),
                 lambda G, mu, U: backward(G, mu, U.conj())],
        "order swapped": lambda G, mu, U: backward(G, mu, U.conj().T.copy()),
        "epsilon": [asked(sinc=lambda x: np.sin(x) / (x + 1e-12)), asked(sinc=lambda x: np.sin(x) / (x + 1e-8))]},
        own={"no sinc": (asked(sinc=np.ones_like), "left out sinc"),
             "np.sinc": (asked(sinc=np.sinc), "divide its argument by π"),
             "nan": (asked(sinc=without_care), "nan there"),
             "no halves": (asked(half=1.0, quarter=1.0), "the halves are missing"),
             "no half above": (asked(half=1.0), "the half of the phase"),
             "no half in sinc": (asked(quarter=1.0), "the half of sinc"),
             "no phase": (asked(phase=False), "left out the phase"),
             "exchanged": (exchanged(np.subtract, np.add), "are exchanged"),
             "minus twice": (exchanged(np.subtract, np.subtract), "are exchanged"),
             "plus twice": (exchanged(np.add, np.add), "are exchanged"),
             "not conjugated": (asked(star=np.array), "yours is U.T"),
             "matrix product": (lambda G, mu, U: (U @ np.diag(np.exp(1j * mu)) @ U.conj().T @ G).real.copy(),
                                "entry by entry"),
             "G turned round": (lambda G, mu, U: backward(G.T, mu, U), "not transposed"),
             "skew part": (skew_part, "counts as free"),
             "half of it": (lambda *given: skew_part(*given) / 2, "counts as free"),
             "product for ∘": (product, "∘ goes entry by entry"),
             "complex": (lambda *given: backward(*given) + 0j, "complex128")})

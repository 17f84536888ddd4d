"""Lesson 14, targets, not errors."""

import numpy as np

import feedbackalign as fa


def difference_target(h, h_above, target_above, Q, c):
    return h + np.tanh(target_above @ Q.T + c) - np.tanh(h_above @ Q.T + c)


def difference_target_by_loops(h, h_above, target_above, Q, c):
    answer = h.copy()
    for n, i in np.ndindex(*h.shape):
        for sign, above in ((1, target_above), (-1, h_above)):
            answer[n, i] += sign * np.tanh(sum(Q[i, j] * above[n, j] for j in range(Q.shape[1])) + c[i])
    return answer


def feedback_gradient(noise, shift, Q):
    return 2 * (shift @ Q.T - noise).T @ shift / len(noise)


def feedback_gradient_by_differences(noise, shift, Q):
    def loss(weights):
        return ((shift @ weights.T - noise)**2).sum() / len(noise)
    return fa.check.numerical_gradient(loss, Q.copy(), np.arange(Q.size), h=1e-3).reshape(Q.shape)

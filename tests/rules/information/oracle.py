"""The rule written a second time, from the equations alone: columns are samples, loops over layers, no shared code.

    Wf[k] (N_k, N_{k-1}), Wb[k] (N_k, N_{k+1}), B[k] (N_k, N_k), x (N_0, b), y (N_K, b)
"""

import numpy as np


def settle(net, x, y, beta, start, sweeps):
    """-> lists r, u, a, q; `start` is the same, or None for rest."""
    K, b = len(net["Wf"]), x.shape[1]
    eps, g, gam = net["eps"], net["g"], (1 - net["lam"]) / net["lam"]
    if start is None:
        r = [np.zeros((len(W), b)) for W in net["Wf"]]
        u = [np.zeros((len(W), b)) for W in net["Wf"]]
        a, q = [np.zeros(b) for _ in range(K)], [np.zeros(b) for _ in range(K)]
    else:
        r, q = [rate.copy() for rate in start[0]], [dual.copy() for dual in start[3]]
        u, a = [rate.copy() for rate in r], [dual.copy() for dual in q]
    for t in range(sweeps):
        eta = net["step"](t)
        for k in range(K):
            sparse = net["sets"][k] == "sparse"
            v = net["Wf"][k] @ (x if k == 0 else r[k - 1]) + net["b"][k][:, None]
            if k < K - 1:
                apical = eps * (2 * gam * net["B"][k] @ r[k] + g * r[k]) + net["Wb"][k] @ r[k + 1]
                apical = apical - eps * q[k] if sparse else apical
                du = -g * u[k] + (v - u[k]) / eps + (apical - u[k]) / eps
            else:
                apical = gam * net["B"][k] @ r[k] + g * r[k] - beta * (r[k] - y)
                apical = apical - q[k] if sparse else apical
                du = -g * u[k] + (v - u[k]) / eps + (apical - net["leak"] * u[k])
            u[k] = u[k] + eta * du
            r[k] = np.maximum(u[k], 0) if sparse else np.minimum(np.maximum(u[k], 0), 1)
            if sparse:
                a[k] = a[k] + net["eta_q"][k] * (-a[k] + (r[k].sum(axis=0) - 1) + q[k])
                q[k] = np.maximum(a[k], 0)
    return r, u, a, q


def contrast(net, x, plus, minus, distance):
    """dWf, db, dWb, all to be added; `distance` is the signed difference in β."""
    K, b = len(net["Wf"]), x.shape[1]
    dWf, db, dWb = [], [], []
    for k in range(K):
        total, ends = 0, 0
        for r, sign in ((plus, 1), (minus, -1)):
            below = x if k == 0 else r[k - 1]
            error = r[k] - net["Wf"][k] @ below - net["b"][k][:, None]
            total, ends = total + sign * error @ below.T, ends + sign * error.sum(axis=1)
        dWf.append(total / (distance * b))
        db.append(ends / (distance * b))
    for k in range(K - 1):
        total = 0
        for r, sign in ((plus, 1), (minus, -1)):
            total = total + sign * (r[k] - net["Wb"][k] @ r[k + 1]) @ r[k + 1].T
        dWb.append(total / (distance * b))
    return dWf, db, dWb


def of_rule(rule):
    """A rule's arrays and constants in this form."""
    weights, neurons = rule.network.weighted_layers(), rule.neurons
    return {"Wf": [layer.weight for layer in weights], "Wb": [Wb.T for Wb in rule.Wb.values()],
            "b": [np.zeros(len(layer.weight)) if layer.bias is None else layer.bias for layer in weights],
            "B": [rule.B.get(layer.name, np.zeros((len(layer.weight),) * 2)) for layer in weights],
            "sets": rule.sets, "eta_q": rule.dual_rates, "step": neurons.step, "lam": neurons.forgetting,
            "eps": neurons.epsilon, "g": neurons.leak, "leak": neurons.output_leak}


def gradients(rule, x, labels, beta, phases=2):
    """{"fc1.weight": array, …} that this rule should find with this β; x (N, in) as the package has it."""
    net, x = of_rule(rule), x.T
    y = np.eye(len(net["Wf"][-1]))[labels].T
    free = settle(net, x, y, 0.0, None, rule.free_steps)
    plus = settle(net, x, y, beta, free, rule.nudged_steps)
    minus, distance = free, beta
    if phases == 3:
        minus, distance = settle(net, x, y, -beta, plus, rule.nudged_steps), 2 * beta
    dWf, db, dWb = contrast(net, x, plus[0], minus[0], distance)
    found = {}
    for k, layer in enumerate(rule.network.weighted_layers()):
        found[f"{layer.name}.weight"] = -dWf[k]
        if layer.bias is not None:
            found[f"{layer.name}.bias"] = -db[k]
        if k:
            found[f"{layer.name}.Wb"] = -rule.present_feedback_rate() * dWb[k - 1].T
    return found

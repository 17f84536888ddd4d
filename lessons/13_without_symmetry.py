# %% [markdown]
# # 13. What if the way down has synapses of its own?
#
# In lesson 12 the layer above drove the layer below through W itself, read backwards. Now cut that wire and grow
# another, B, with weights of its own:
#
#     Eq. 1   a_n ← σ(W_n a_{n−1} + b_n + B_{n+1}ᵀ a_{n+1})           at the top: + β ∂ℓ/∂a, so β > 0 *raises* the loss
#     Eq. 2   δ_n = da_n/dβ at β = 0                                 how every unit answers a nudge: its error
#     Eq. 3   ∂W_n = δ_nᵀ a_{n−1},   ∂B_n = a_nᵀ δ_{n−1}             post error times pre activity, in W's shape both
#
# This β is minus lesson 12's: β > 0 raises the loss, and da/dβ is the error itself. Two things can be wrong with it: β
# is finite, so a difference of states is not a derivative; and B is not W, so even the derivative is not the gradient.
#
# ## A finite nudge that is exact
#
# The units are smooth (`dsilu`), so the settled state is a smooth function a(β), and it may be continued to *complex*
# β. Walk round the circle β_k = r exp(2πi k/N), settle at each of its N points. Cauchy's formula:
#
#     Eq. 4   δ ≈ Re (1/N) Σ_k a(β_k) / β_k                          rule `hep`; N = 2 is lesson 12's symmetric estimate
#
# with an error of order r to the power of N. **Guess:** with r = 1, hardly a small nudge, how many points give δ to a
# millionth?

# %%
import numpy as np

import feedbackalign as fa
from feedbackalign.rules.holomorphic import nudging, recurrent_backprop

fa.blas_threads(1)                                  # one thread of the matrix library: more would spin while they wait
images, labels = fa.data.digits().batch(20)
net = fa.networks.mlp([64, 24, 16, 10], activation="dsilu", rng=np.random.default_rng(0), dtype=np.float64)

def settled(angle):
    """`hep` with B turned away from W by so many degrees, and its free state: -> rule, x, a*, targets."""
    rule = fa.rules.make("hep", net, rng=np.random.default_rng(1), angle=angle)
    x = rule.admit(images)                                              # (20, 64), float64
    free, _ = rule.settle(x, rule.chain.rest(len(x)), steps=400)
    return rule, x, free, rule.targets(free, labels)


def relative_error(found, exact):
    """‖found − exact‖ / ‖exact‖ over all layers and samples."""
    found, exact = (np.concatenate([layer.ravel() for layer in deltas]) for deltas in (found, exact))
    return np.linalg.norm(found - exact) / np.linalg.norm(exact)


rule, x, free, targets = settled(angle=90)
derivative = nudging.tangent(rule.chain, x, free, targets, steps=400, feedback=rule.B).deltas           # Eq. 2, exactly
truth = recurrent_backprop.recurrent_backprop(rule.chain, x, free, targets, feedback=rule.B)            # the gradient
points, radii = np.array([1, 2, 4, 6, 8, 10, 12]), (0.2, 1.0)
found = {(r, N): nudging.cauchy_sum(lambda beta: rule.settle(x, free, steps=200, beta=beta, targets=targets), free,
                                    nudging.half_circle(r, int(N))).deltas for r in radii for N in points}  # Eq. 4
to_derivative = {r: np.array([relative_error(found[r, N], derivative) for N in points]) for r in radii}
to_truth = {r: np.array([relative_error(found[r, N], truth) for N in points]) for r in radii}

with fa.figures.panels("13_points_on_a_circle", "More points cure the finite nudge, not the asymmetry") as axes:
    for r, colour, marker in zip(radii, ("#00bfea", "#8a00ff"), "os"):
        axes.semilogy(points, to_derivative[r], marker=marker, color=colour, label=f"r = {r:g}: error as a derivative")
    axes.semilogy(points, to_truth[1.0], "s:", color="#8a00ff", markerfacecolor="white",
                  label="r = 1: error as a gradient")
    axes.set(xlabel="points on the circle, N", ylabel="relative error of δ")
    axes.legend()
print("r = 1:", ", ".join(f"N = {N}: {error:.0e}" for N, error in zip(points, to_derivative[1.0])))
print(f"but as a gradient, at any N: {to_truth[1.0][-1]:.2f}")

# %% [markdown]
# Solid lines: every two points more take away another factor. Twelve points at r = 1 give δ to better than a
# millionth, and a small circle reaches rounding.
#
# Dotted line: as a *gradient* δ stays about half wrong, whatever N. The derivative is exact, and it is the derivative
# of something that is not the error. With J the recurrent weights (W below its diagonal, Bᵀ above) and D = σ' at a*,
#
#     Eq. 5   nudging finds (I − D J)⁻¹ D e,     the gradient needs (I − D Jᵀ)⁻¹ D e
#
# The two agree where J is symmetric, that is where B = W. **Guess** the angle between the two errors, in the lowest
# layer, when B is turned away from W by 45°.

# %%
turned, errors_apart = np.arange(0, 91, 15), []
for angle in turned:
    rule, x, free, targets = settled(angle)
    nudged = nudging.tangent(rule.chain, x, free, targets, steps=400, feedback=rule.B).deltas
    true = recurrent_backprop.recurrent_backprop(rule.chain, x, free, targets, feedback=rule.B)
    errors_apart.append([fa.alignment.angle(a, b) for a, b in zip(nudged, true)])
errors_apart = np.array(errors_apart)                                   # (angles, layers)
print("angle between nudged and true error, fc1:", np.round(errors_apart[:, 0]), " fc2:", np.round(errors_apart[:, 1]))

# %% [markdown]
# The error is turned by about as much as the weights that carried it: 45°, more or less, in the lowest layer. At 90°
# it is lost, as in feedback alignment at its start. The layer below the readout hears of it from the readout itself
# and is hardly off.
#
# ## Noise that makes J symmetric
#
# Kolen and Pollack (lesson 6) would give W and B one common update and let decay do the rest. *Jacobian homeostasis*
# (rule `hep-homeo`) needs no common update. It asks a network without any task to answer noise: inject ε into every
# unit, and let r = J ε be the answer. How asymmetric J is can be read off such answers, and so can the way downhill:
#
#     Eq. 6   L = E[‖r‖² − εᵀ J r] = Σ ‖W − B‖²                      zero exactly where J is symmetric
#     Eq. 7   ∂L/∂J ≈ 2 (r εᵀ − ε rᵀ), mean over the noise           post answer × pre noise − post noise × pre answer
#
# The mean of Eq. 7 is ∂L/∂J = 2 (J − Jᵀ). Both ends of a synapse know their own noise and their own answer, and
# nothing else is needed. A plain gradient step of rate η multiplies W − B by 1 − 4η. Let them, with no task.

# %%
def apart_under_noise(estimate, eta=0.005, steps=200):
    """Homeostasis alone: ‖W − B‖ of fc2 before every step and after the last, and the angle; W is put back."""
    rule = fa.rules.make("hep-homeo", net, rng=np.random.default_rng(2), estimate=estimate)
    W, B, arrays = net.layer("fc2").weight, rule.B["fc2"], net.parameters() | rule.parameters()
    start, apart, rest = W.copy(), [np.linalg.norm(W - B)], rule.chain.rest(50)
    for _ in range(steps):
        for name, pull in rule.homeostatic_gradients(rest).items():     # 50 samples, five probes for each
            arrays[name] -= eta * pull
        apart.append(np.linalg.norm(W - B))
    end_angle = fa.alignment.angle(W, B)
    W[...] = start
    return np.array(apart), end_angle


exact_pull, _ = apart_under_noise("closed-form")
local_pull, end_angle = apart_under_noise("local")
with fa.figures.panels("13_noise_aligns", "Noise alone draws W and B together") as axes:
    axes.semilogy(exact_pull, color="#8c8c8c", label="2 (W − B): a factor 1 − 4η a step")
    axes.semilogy(local_pull, color="#20caca", linestyle="--", label="local: noise and the answer to it (Eq. 7)")
    axes.set(xlabel="step", ylabel="‖W − B‖ of fc2")
    axes.legend()
print(f"angle of W to B at the end: {end_angle:.1f}°")

# %% [markdown]
# The dashed line follows the formula from a right angle down to a few degrees, and then ends on a floor: of a
# symmetric J a handful of probes gives nearly zero, not zero.
#
# ## Both together
#
# Train 64-64-64-10 and a readout on the digits, B drawn apart from W, with the exact derivative as δ (so that only
# asymmetry is wrong), with homeostasis and without.

# %%
rows = fa.figures.homeostasis_rows(seeds=[0], epochs=8)
fa.figures.show(fa.figures.homeostasis(rows), "13_homeostasis")
end = {row["rule"]: row for row in rows if row["epoch"] == 8}
for name, row in end.items():
    print(f"{name:9s} W and B {row['feedback_angle']:.0f}° apart, fc1's error: cosine {row['cosine']['fc1']:.2f}")

# %% [markdown]
# Without homeostasis W and B stay about 80° apart, and the lowest layer's error keeps a cosine of less than 0.6 to
# the true one. With it they end less than 30° apart, and the cosine rises above 0.8, although no synapse was told
# another one's weight. (Accuracy of one run hardly shows it.) What remains: the readout nudges through its own
# weights.

# %% [markdown]
# ## Is it so?

# %%
assert to_derivative[1.0][-1] < 1e-6 < to_derivative[1.0][3] and to_derivative[0.2][-1] < 1e-12
assert all(np.all(np.diff(np.log(errors)) < -1) for errors in to_derivative.values())       # each two points: a factor
assert np.all(np.abs(to_truth[1.0] - 0.5) < 0.15)                                           # half wrong, whatever N
assert np.all(errors_apart[0] < 1e-6) and abs(errors_apart[3, 0] - 45) < 12                 # B = W, and B 45° away
assert abs(errors_apart[-1, 0] - 90) < 12 and errors_apart[:, 1].max() < 15
assert np.allclose(exact_pull, exact_pull[0] * (1 - 4 * 0.005) ** np.arange(201))           # 1 − 4η a step
assert np.all(np.abs(np.log(local_pull[:120] / exact_pull[:120])) < 0.15) and end_angle < 7
assert end["hep"]["feedback_angle"] > 70 and end["hep-homeo"]["feedback_angle"] < 30
assert end["hep"]["cosine"]["fc1"] < 0.6 and end["hep-homeo"]["cosine"]["fc1"] > 0.8

# %% [markdown]
# ## Exercises
#
# **13.1** (coded) and **13.2** (coded) stand below; `fa.exercises.arguments("13.1")` shows arguments of the check.
#
# **13.3** Raise r to 2, 4, 8. Where does Eq. 4 fail, and does the residual of the phases tell you? Print
# `nudging.mean_value_defect(nudging.cauchy_sum(…), free, r)` beside it, and say why it knows.
#
# **13.4** Derive the factor 1 − 4η from Eq. 6, and show that W + B does not move. How does Kolen and Pollack's update
# differ in this?

# %%
def cauchy_sum(states, betas):
    """Exercise 13.1. The error of every unit from the states at N points of a circle (equation 4).

    states (N, batch, units), complex, hold a(β_k), settled at the nudges betas (N,), which go round the whole circle.
    Return δ, (batch, units), real.
    """
    raise NotImplementedError


fa.exercise("13.1", cauchy_sum)

# %%
def local_pull_of_noise(noise, answer, noise_below, answer_below):
    """Exercise 13.2. The homeostatic gradient of one layer's W from noise and the answers to it (equation 7).

    noise (P, out) holds P probes ε of the layer, one a row, answer (P, out) what it answered, r; noise_below and
    answer_below (P, in) are those of the layer below. Return the mean over the probes of 2 (r εᵀ − ε rᵀ) at the
    synapses of W, which lead from below into the layer, (out, in).
    """
    raise NotImplementedError


fa.exercise("13.2", local_pull_of_noise)

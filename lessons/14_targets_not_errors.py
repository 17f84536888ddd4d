# %% [markdown]
# # 14. Can a layer learn from a target, without an error?
#
# *Papers: Meulemans et al. 2020, arXiv 2006.14331. 20 minutes to read, 30 to do. Know before: lesson 4.*
#
# Every rule so far sends an *error* down: by how much the loss would change. A *target* is another kind of message:
# "you answered h, and ĥ would have been better". With this alone a layer can learn: it takes a step from h towards ĥ.
# The target of the layer below can come from the layer run backwards: which input would have given my target? This is
# target propagation (Bengio 2014; Lee et al. 2015).
#
#     Eq. 1   ĥ_L = h_L − λ e                      the output's target: a step λ down its error e, sample by sample
#     Eq. 2   ΔW_i = (D_i ∘ (ĥ_i − h_i))ᵀ h_{i−1}/λ    a step towards the target; D_i: the slopes of the units
#     Eq. 3   ĥ_i = g_i(ĥ_{i+1})                   the target below, g_i the inverse of layer i + 1
#
# Guess: if the inverses are *exact*, is this backprop?

# %%
import numpy as np

import feedbackalign as fa
from feedbackalign.networks.jacobians import dense_chain, forward, post_jacobians, times

fa.blas_threads(1)                                  # one thread of the matrix library: more would spin while they wait
rng = np.random.default_rng(3)
net = fa.networks.mlp([4, 4, 4, 4, 4], activation="tanh", loss="squared-error", rng=rng, dtype=np.float64)
for layer in net.weighted_layers():
    layer.weight[...] = np.linalg.qr(rng.normal(size=(4, 4)))[0] * rng.uniform(0.6, 1.4, size=4)
x, goal = 0.5 * rng.normal(size=(1, 4)), rng.normal(size=(1, 4))
stages = dense_chain(net)                                       # every Linear with its unit, bottom to top
seen = forward(stages, x)                                       # seen.post: x, h_1, …, h_4
e = net.sample_errors(seen.output, goal)                        # (1, 4)
J = post_jacobians(stages, seen)[0]                             # ∂h_4/∂h_1, (1, 4, 4), by the chain rule
steps, distances = [0.01, 0.005, 0.0025], []
for step in steps:
    target = seen.output - step * e                             # Eq. 1
    for above in stages[:0:-1]:                                 # Eq. 3: (s⁻¹(ĥ) − b) W⁻ᵀ, from the top down to h_1
        drive = target if above.unit.kind == "identity" else np.arctanh(target)
        target = (drive - above.layer.bias) @ np.linalg.inv(above.layer.weight).T
    newton = seen.post[1] - step * times(np.linalg.inv(J), e)   # h_1 − λ e J⁻ᵀ
    distances.append(np.linalg.norm(target - newton))
move = (target - seen.post[1])[0]
print("distance of the target to h − λ e J⁻ᵀ at three steps λ:", *(f"{distance:.1e}" for distance in distances))
print(f"angle of its move to the gradient's, −e J: {fa.alignment.angle(move, -(e[0] @ J[0])):.0f}°")

# %% [markdown]
# It is not backprop. Halve λ, and the distance to **h − λ e J⁻ᵀ** becomes four times smaller: for small steps the
# target is that of *Gauss-Newton*. Backprop asks how to lower the loss fastest. Gauss-Newton asks which change of h
# moves the output straight along its error. Real layers are not square, and J⁻¹ does not exist. The pseudoinverse
# J^† = Jᵀ (J Jᵀ)⁻¹ takes its place: it gives the *smallest* change that does it. The damped one has J Jᵀ + γI.
#
# See the difference at the output of a linear network. Only the weights of its first layer take a step, once by
# backprop and once by the rule `gnt`, whose targets are exactly these. Then the forward pass runs again. Where does the
# output go?

# %%
wide = fa.networks.mlp([8, 10, 10, 2], activation="identity", loss="squared-error", rng=rng, dtype=np.float64)
wide.layer("fc3").weight[0] *= 3                                # output 1 is easier to move than output 2
inputs, goals = 0.5 * rng.normal(size=(6, 8)), rng.normal(size=(6, 2))
turned = {"bp": [], "gnt": []}
with fa.figures.panels("14_where_the_output_goes", "Gauss-Newton moves the output straight at its target") as axes:
    for n in range(6):
        sample, wanted = inputs[n:n + 1], goals[n:n + 1]
        before = wide.forward(sample)
        down = -wide.sample_errors(before, wanted)[0]           # (2,): where the output should go
        axes.plot(*np.array([[0, 0], down / np.linalg.norm(down)]).T, color="#cccccc", linewidth=8, zorder=1)
        for name, colour in (("bp", "black"), ("gnt", "#333377")):
            rule = fa.rules.make(name, wide, rng=rng, **({"gamma": 0.0} if name == "gnt" else {}))
            moved = wide.layer("fc1").weight                    # the first layer alone
            held, moved[...] = moved.copy(), moved - 0.01 * rule.gradients(sample, wanted).grads["fc1.weight"]
            shift = (wide.forward(sample) - before)[0]
            moved[...] = held
            turned[name].append(fa.alignment.angle(shift, down))
            axes.annotate("", shift / np.linalg.norm(shift), (0, 0), arrowprops={"arrowstyle": "->", "color": colour,
                                                                                 "linewidth": 2})
    axes.set(xlim=(-1.2, 1.2), ylim=(-1.1, 1.1), aspect="equal", xlabel="output 1", ylabel="output 2")
    axes.plot([], [], color="#cccccc", linewidth=8, label="to the target, for six samples")
    axes.plot([], [], color="black", label=f"moved by bp: up to {max(turned['bp']):.0f}° off")
    axes.plot([], [], color="#333377", label=f"moved by gnt: {max(turned['gnt']):.0f}° off")
    axes.legend(loc="upper left", bbox_to_anchor=(1.05, 1.0), frameon=False)

# %% [markdown]
# With curved units `gnt` is not exactly straight: Eq. 2 multiplies by their slopes D_i once more. But it never moves
# weights in a direction that does not change the output.
#
# ## Inverses that learn
#
# A brain does not know J^†. Feedback can learn it from noise: add noise to h_i, let it go up, and teach the feedback to
# bring it back. It matters *what* comes back, and from where.
#
#     Eq. 4   layer by layer   ‖g_i(f_{i+1}(h_i + ε)) − (h_i + ε)‖²            `dtp`
#     Eq. 5   difference       ‖(y' − y) Q_iᵀ − ε‖²                            `ddtp-linear`; y' the output under noise
#
# Eq. 5 goes to the output and back. For small noise it is ‖ε (Q_i J_i − I)ᵀ‖², and the pseudoinverse makes this
# smallest. Eq. 4 undoes one layer at a time; but the pseudoinverse of a product is not the product of the
# pseudoinverses. In both, targets have a *difference correction*: without an error nothing moves.
#
#     Eq. 6   `dtp`            ĥ_i = h_i + g_i(ĥ_{i+1}) − g_i(h_{i+1})
#     Eq. 7   `ddtp-linear`    ĥ_i = h_i + (ĥ_L − h_L) Q_iᵀ
#
# `train_feedback` is one update of the feedback, with new noise; the forward weights do not change here. Guess first:
# which reference do the updates of W come nearest to, and with which feedback?

# %%
data = fa.data.digits().standardised()
probe, labels = data.batch(200)
probe = probe.astype(np.float64)
fa.figures.show(fa.figures.schematic("ddtp-linear"), "14_schematic")
angles = {}
for name in ("ddtp-linear", "dtp"):
    digits_net = fa.networks.mlp([64, 32, 32, 10], activation="tanh", rng=np.random.default_rng(1), dtype=np.float64)
    rule = fa.rules.make(name, digits_net, rng=np.random.default_rng(2), feedback_lr=2e-3, gamma=1.0)
    batches = fa.data.Batches(data.train, 64, rng=np.random.default_rng(4))
    less_damped = fa.rules.make("gnt", digits_net, rng=rng, gamma=0.1).gradients(probe, labels).grads
    aims = rule.references(probe, labels) | {"gauss-newton(0.1)": less_damped}
    angles[name], updates = {aim: [] for aim in aims}, 0
    while updates <= 1000:
        for batch, _ in batches:
            if updates % 100 == 0:
                found = rule.gradients(probe, labels).grads["fc1.weight"]
                for aim, curve in angles[name].items():
                    curve.append(fa.alignment.angle(found, aims[aim]["fc1.weight"]))
            rule.train_feedback(batch)
            updates += 1
title = "Noise teaches the way back; over the output and back, it comes near to Gauss-Newton's"
with fa.figures.panels("14_feedback_learns", title) as axes:
    for (name, curves), colour in zip(angles.items(), ("#cc8833", "#9944ee")):
        for (aim, curve), dash in zip(curves.items(), ("-", ":", "--")):
            axes.plot(100 * np.arange(len(curve)), curve, dash, color=colour, label=f"{name} to {aim}")
            print(f"{name:11} to {aim:17} after 0, 400, 1000 updates: "
                  f"{', '.join(f'{curve[place]:.0f}°' for place in (0, 4, 10))}")
    axes.axhline(90, color="#8c8c8c", linewidth=1)
    axes.set(xlabel="updates of the feedback", ylabel="angle of the first layer's update (degrees)", ylim=(0, 100))
    axes.legend(fontsize=12)

# %% [markdown]
# `ddtp-linear` ends at 25° from Gauss-Newton and at 36° from backprop, `dtp` beyond 50° from both: a table of this
# package names the reference beside the angle. But after 400 updates both of the first two had been *better*, 22° and
# 33°. Learning went on towards a pseudoinverse that is less damped, away from γ = 1 and from backprop, which is the
# limit of a large γ: the angle to the one with γ = 0.1 still falls, from 20° to 16°.
#
# Does it learn? `tp` is Eq. 3 without a correction; its feedback learns by Eq. 4.

# %%
names = ["bp", "gnt", "ddtp-linear", "dtp", "tp"]
rows = fa.compare(names, seeds=1, epochs=4, activation="tanh", hidden=[32, 32], options={"pretraining": 600})
end = {row["rule"]: row["test_accuracy"] for row in rows if row["epoch"] == 4}
print({name: f"{100 * accuracy:.0f} %" for name, accuracy in end.items()})
fa.figures.show(fa.figures.learning_curves(rows), "14_learning_curves")

# %% [markdown]
# ## Is it so?

# %%
ratios = np.divide(distances[:-1], distances[1:])
assert ((3.8 < ratios) & (ratios < 4.2)).all(), "half the step, a quarter of the distance"
assert max(turned["gnt"]) < 1e-6 and max(turned["bp"]) > 20, "straight, and not"
near, far = angles["ddtp-linear"], angles["dtp"]
for aim, at_400, at_end in (("gauss-newton(1)", 22, 25), ("backprop", 33, 36), ("gauss-newton(0.1)", 20, 16)):
    assert abs(near[aim][4] - at_400) < 2 and abs(near[aim][-1] - at_end) < 2, aim
assert min(curve[0] for curves in angles.values() for curve in curves.values()) > 80, "from a random start"
assert min(far["gauss-newton(1)"][-1], far["backprop"][-1]) > 50, "and layer by layer it stays away"
assert min(end[name] for name in ("bp", "gnt", "ddtp-linear", "dtp")) > 0.85 and end["tp"] < end["dtp"]

# %% [markdown]
# ## Exercises
#
# **14.1** and **14.2** stand below, coded. To call the package's own functions is allowed.
#
# **14.3** In the second cell, give `gnt` a `gamma` of 100. Whose arrow does it follow now, and why?
#
# **14.4** Set `sigma=1.0` in the third cell. What does Eq. 5 then learn, and why is it not J^† any more?
#
# **14.5** An output layer that learns makes up for bad targets below it. Let only the first layer learn:
# `fa.figures.EXPERIMENTS["first_layer"]`, or `feedbackalign figure first_layer`. Which rules lose most, and why?


# %%
def difference_target(h, h_above, target_above, Q, c):
    """Exercise 14.1. The target of difference target propagation, through feedback of tanh units (equation 6).

    h (N, hidden) is what the layer answered, h_above and target_above (N, above) are the answer and the target of the
    layer above, Q (hidden, above) and c (hidden,) the feedback. Return ĥ, (N, hidden).
    """
    raise NotImplementedError


fa.exercise("14.1", difference_target)


# %%
def feedback_gradient(noise, shift, Q):
    """Exercise 14.2. What feedback learns from noise: the gradient of equation 5 by Q, mean over the batch.

    noise (N, hidden) was added to the layer's answer, and the output moved by shift = y' − y, (N, out), for it; Q has
    the shape (hidden, out). The loss is the mean over the batch of Σ (shift Qᵀ − noise)². Return (hidden, out).
    """
    raise NotImplementedError


fa.exercise("14.2", feedback_gradient)

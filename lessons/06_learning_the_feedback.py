# %% [markdown]
# # 6. Can the feedback learn W without anybody carrying it over?
#
# *Papers: Kolen, Pollack 1994; Akrout et al. 2019, arXiv 1904.05391. 20 minutes to read, 40 to do. Know before: lesson
# 3.*
#
# Copying W into the feedback is what we wanted to do without. But feedback may *learn*. Two rules let a B of random
# start become W, from signals at its own two ends: one by living through the same history as W, one by listening to
# noise. In both, the way down and the local gradient are those of feedback alignment:
#
#     Eq. 1   e_in = e B          (N, out) x (out, in) -> (N, in)
#     Eq. 2   ∂W = eᵀ x           (out, N) x (N, in) -> (out, in)
#
# ## The same history: Kolen-Pollack
#
# The arrival e and the activity x are there at both synapses, W's and B's. So let B take the very same step:
#
#     Eq. 3   ∂B = ∂W
#
# With the same learning rate η and weight decay λ, subtract the two updates. The gradient cancels in D = B − W:
#
#     Eq. 4   D ← (1 − ηλ) D
#
# No data, no error and no loss is left in Eq. 4. Take it at its word: train on the digits, on digits with their
# labels shuffled, and on plain noise. In which of the three worlds will D shrink fastest?

# %%
import numpy as np

import feedbackalign as fa

fa.blas_threads(1)                                  # one thread of the matrix library: more would spin while they wait
x, labels = fa.data.digits().batch(960)                         # (960, 64), (960,)
fa.figures.show(fa.figures.schematic("kp"), "06_schematic_kp")
rng = np.random.default_rng(2)
worlds = {"digits": (x, labels), "labels shuffled": (x, rng.permutation(labels)),
          "noise": (rng.normal(size=x.shape).astype(x.dtype), labels)}

def follow(images, targets, optimizer, steps=900):
    """Train by Kolen-Pollack -> ‖D‖ / ‖D at the start‖ and degrees from W to B at fc2, after every step."""
    net = fa.networks.mlp([64, 48, 32, 10], rng=np.random.default_rng(0), dtype=np.float64)
    rule = fa.rules.make("kp", net, rng=np.random.default_rng(1), route="explicit")         # B learns, step by step
    size, lengths, angles = np.linalg.norm(rule.difference(net.layer("fc2"))), [], []
    for step in range(steps):
        batch = slice(step * 32 % 960, step * 32 % 960 + 32)
        fa.training.train_step(rule, optimizer, images[batch], targets[batch])
        lengths.append(np.linalg.norm(rule.difference(net.layer("fc2"))) / size)
        angles.append(fa.alignment.weight_angles(rule)["fc2"])
    return np.array(lengths), np.array(angles)
eta, decay = 0.1, 0.03
lived = {world: follow(*data, fa.optimizer.SGD(lr=eta, weight_decay=decay)) for world, data in worlds.items()}
law = (1 - eta * decay) ** np.arange(1, 901)                                                                # Eq. 4
for world, (lengths, angles) in lived.items():
    print(f"{world:16} D has {lengths[-1]:.6f} of its length; off Eq. 4 by {np.abs(lengths - law).max():.0e}; "
          f"B is {angles[-1]:.0f}° from W")

# %%
title = "Three worlds, one decay: no data can hurry or stop it"
with fa.figures.panels("06_kolen_pollack", title, columns=2) as (left, right):
    for (world, (lengths, angles)), dash in zip(lived.items(), ["solid", (0, (5, 5)), (0, (1, 3))]):
        left.plot(lengths, linestyle=dash, linewidth=4, label=world)
        right.plot(angles, linestyle=dash, linewidth=4, label=world)
    left.plot(law, color="black", linewidth=1, label="Eq. 4")
    left.set(xlabel="step", ylabel="‖B − W‖, of its start", ylim=(0, 1.02))
    right.set(xlabel="step", ylabel="angle between W and B (degrees)", ylim=(0, 95))
    left.legend()

# %% [markdown]
# Three worlds, one curve, to the last digit of float64. The *angle* does differ: B = W + D, and W is long where there
# is something to learn and wastes away where there is not. So the gap closes by itself, and only two things could
# keep it open. Which? Think of what went into Eq. 4 before you run the next cell.

# %%
optimizers = {"no decay": lambda: fa.optimizer.SGD(lr=eta), "SGD": lambda: fa.optimizer.SGD(lr=eta, weight_decay=decay),
              "Adam": lambda: fa.optimizer.Adam(lr=0.003, weight_decay=decay)}
gaps = {}
for name, make in optimizers.items():
    gaps[name] = [follow(*worlds[world], make(), steps=300)[0][-1] for world in ("digits", "noise")]
    print(f"{name:9} ‖D‖ after 300 steps: {gaps[name][0]:.3f} with digits, {gaps[name][1]:.3f} with noise")

# %% [markdown]
# Without decay D keeps its length for ever. And Adam divides every step by the size of past gradients *plus decay*,
# λW at the one synapse and λB at the other: the two no longer take the same step, and the data is back in the law.
#
# ## Listening to noise: the weight mirror
#
# Kolen-Pollack must bring one learning signal to both synapses, all the time. The weight mirror needs none: now and
# then a layer's inputs emit noise ξ of deviation σ, everything else is silent, and its outputs answer. B correlates
# the two:
#
#     Eq. 5   ζ = ξ Wᵀ                                  (N, in) -> (N, out)
#     Eq. 6   B ← (1 − η_m σ²) B + η_m ζᵀ ξ / N         (out, N) x (N, in) -> (out, in)
#
# The mean of ζᵀ ξ / N is σ² W, so B goes to W at a rate of η_m σ² a phase, and then jitters about it, for the mean of N
# samples is not the mean:
#
#     Eq. 7   ‖B − W‖ / ‖W‖ ≈ √(η_m σ² · in / 2N)       at the end
#
# W stands still now; nothing is learned but B. When you take four times as many samples a phase, what happens to the
# angle at the end, and to the time it takes? And what if you halve σ?

# %%
fa.figures.show(fa.figures.schematic("wm"), "06_schematic_wm")
mirror_rate, tried = 0.02, [(8, 1.0), (32, 1.0), (128, 1.0), (8, 0.5)]              # N, σ
mirrored, floors, halfway = {}, {}, {}
for N, sigma in tried:
    net = fa.networks.mlp([64, 48, 32, 10], rng=np.random.default_rng(0), dtype=np.float64)
    rule = fa.rules.make("wm", net, rng=np.random.default_rng(1), mirror_rate=mirror_rate, sigma=sigma)
    layer, seen = net.layer("fc2"), []
    for _ in range(800):
        rule.mirror(layer, (N, 48))                                                                     # Eqs. 5 and 6
        seen.append(fa.alignment.weight_angles(rule)["fc2"])
    mirrored[N, sigma], halfway[N, sigma] = seen, int(np.argmax(np.array(seen) < 45))
    floors[N, sigma] = np.degrees(np.arctan(np.sqrt(mirror_rate * sigma**2 * 48 / (2 * N))))                    # Eq. 7
    print(f"N = {N:3}, σ = {sigma}: 45° after {halfway[N, sigma]:3} phases, {np.mean(seen[-200:]):4.1f}° at the end, "
          f"predicted {floors[N, sigma]:4.1f}°")

with fa.figures.panels("06_weight_mirror", "The mirror finds W in noise alone; more samples, less jitter") as axes:
    for N, sigma in tried:
        line, = axes.plot(mirrored[N, sigma], label=f"N = {N} samples of noise a phase, σ = {sigma}")
        axes.axhline(floors[N, sigma], color=line.get_color(), linewidth=1, linestyle="dashed")
    axes.set(xlabel="mirror phases", ylabel="angle between W and B of fc2 (degrees)", ylim=(0, 95))
    axes.legend()

# %% [markdown]
# Four times the samples halve the angle at the end, 14°, 7°, 3.5°, and the way down takes just as long: its time is set
# by η_m σ² alone. Half the σ halves the angle too, but takes four times as long.
#
# ## In training, side by side
#
# The decay is the same for all, and leaves 5 % of D after 40 epochs. Who comes closest to W, and who is there first?

# %%
rows = fa.compare(["bp", "fa", "kp", "wm"], seeds=2, epochs=40, lr=0.01, decay=0.02)
fa.figures.show(fa.figures.path_alignment(rows), "06_path_alignment")
last, share = {}, np.exp(-0.01 * 0.02 / (1 - 0.9) * 40 * 38)                    # exp(−Σ η λ / (1 − μ)), Eq. 4
for name in ("bp", "fa", "kp", "wm"):
    ends = [row for row in rows if row["rule"] == name and row["epoch"] == 40]
    last[name] = [np.mean(values) for values in zip(*((row["test_accuracy"], row["weight_angle"]["fc2"],
                                                       row["backprop_angle"]["fc2.weight"]) for row in ends))]
    print("{}: {:.3f} right, feedback of fc2 {:.0f}° from W, update {:.0f}° from backprop's".format(name, *last[name]))
print(f"of D a share of {share:.2f} is left")

# %% [markdown]
# Both find W, from opposite ends of the same problem. Kolen-Pollack comes as slowly as D decays: 9° after these 40
# epochs, when 5 % of D is left, and nearer in more. Its price is that every pair of neurons keeps *both* synapses, with
# one learning signal at both. The mirror is near after three epochs and gets no nearer: 8° of jitter stay. Its price is
# a phase in which a layer falls silent and speaks noise. And `"fa"`? Its B stands still, but decay makes W forget its
# own start, and W comes to 72° from B. Both prices are paid for a second synapse beside every first. Lesson 7 does
# without.
#
# ## Is it so?

# %%
assert max(np.abs(lengths - law).max() for lengths, _ in lived.values()) < 1e-12
assert lived["digits"][1][-1] < 15 and lived["noise"][1][-1] < 25 and lived["labels shuffled"][1][-1] > 75
assert np.allclose(gaps["no decay"], 1) and np.ptp(gaps["SGD"]) < 1e-12 and np.ptp(gaps["Adam"]) > 0.02
assert all(abs(np.mean(mirrored[key][-200:]) - floors[key]) < 1 for key in tried)                # Eq. 7
assert np.allclose([floors[key] for key in tried], [14, 7, 3.5, 7], atol=0.3)
assert max(abs(halfway[key] - 35) for key in tried[:3]) < 5 and abs(halfway[tried[3]] / halfway[tried[0]] - 4) < 0.6
assert abs(share - 0.05) < 0.005
assert all(abs(last[name][1] - about) < 3 for name, about in [("kp", 9), ("wm", 8), ("fa", 72)])
assert max(row["weight_angle"]["fc2"] for row in rows if row["rule"] == "wm" and row["epoch"] == 3) < 20

# %% [markdown]
# ## Exercises
#
# **6.1** One step of Kolen-Pollack, both synapses, without momentum.
#
# **6.2** One mirror phase: B never sees W, only what W answers.
#
# **6.3** Give B a learning rate of its own, `lr={"fc1.weight": …, "fc1.B": …, …}`, half of W's. Work out what D does
# now; then measure. Does B still come to be *parallel* to W?
#
# **6.4** Put a ReLU on the mirror's answer ζ before it is correlated. What does B become? Guess first, from the mean
# of ReLU(ζ) ξ for normal noise; a negative half that is cut off takes how much of the correlation with it?
#
# **6.5** `fa.rules.make("kp", …)` without `route` trains in a closed form and its only parameter is `{"kp.echo": c}`.
# Find out with `rule.parameters()` before and after the first step, and say why one number can stand for all of B.

# %%
def kolen_pollack_step(weight, B, error, x, lr, decay):
    """Exercise 6.1. One step of SGD for W and for B (equation 3), with weight decay added to the gradient.

    weight, B (out, in); error (N, out), which is the gradient of the batch mean and so holds its 1/N; x (N, in);
    lr η and decay λ are numbers. Return (new weight, new B).
    """
    raise NotImplementedError

fa.exercise("6.1", kolen_pollack_step)

# %%
def mirror_step(B, weight, noise, rate, sigma):
    """Exercise 6.2. B after one mirror phase (equations 5 and 6).

    B, weight (out, in), noise ξ (N, in) of deviation sigma, rate η_m. Return the new B, (out, in).
    """
    raise NotImplementedError

fa.exercise("6.2", mirror_step)

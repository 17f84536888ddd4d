# %% [markdown]
# # 5. How much of W does a sign carry?
#
# *Papers: Liao et al. 2016, arXiv 1510.05067; Moskovitz et al. 2018, arXiv 1812.06488. 15 minutes to read, 40 to do.
# Know before: lesson 3.*
#
# Backprop asks for the whole of W on the way down, feedback alignment for nothing. In between lies an offer of one
# bit per synapse: the feedback knows whether a synapse excites or inhibits, and nothing of how strongly.
#
#     Eq. 1   e_in = e (|M| ∘ sign W)      (N, out) x (out, in) -> (N, in)
#
# `"usf"` puts one number s in all places of |M|, `"frsf"` draws M once, `"brsf"` draws it anew for every batch.
# Biology has some excuse for it: a neuron that excites, excites everybody. This lesson asks what the bit is worth.

# %%
import numpy as np

import feedbackalign as fa

fa.blas_threads(1)                                  # one thread of the matrix library: more would spin while they wait
net = fa.networks.mlp([64, 128, 128, 10], rng=np.random.default_rng(0), dtype=np.float64)
feedback = {name: fa.rules.make(name, net, rng=np.random.default_rng(1)) for name in ("fa", "usf", "frsf")}
W = net.layer("fc2").weight                                     # (128, 128), uniform between -a and a
fa.figures.show(fa.figures.schematic("frsf"), "05_schematic")

with fa.figures.panels("05_weights_and_feedback", "A synapse of fc2, and the feedback that runs beside it",
                       columns=3, sharey=True) as columns:
    for axes, (name, rule) in zip(columns, feedback.items()):
        axes.plot(W[:20].ravel(), rule.feedback_weights("fc2")[:20].ravel(), ".", markersize=4,
                  color=fa.figures.look(name).colour)
        axes.axhline(0, color="gray", linewidth=1)
        axes.axvline(0, color="gray", linewidth=1)
        axes.set_title(f"{name}: {fa.alignment.weight_angles(rule)['fc2']:.0f}° to W")
        axes.set_xlabel("weight in W")
    columns[0].set_ylabel("feedback weight")

# %% [markdown]
# The random B of `"fa"` knows nothing: 90°. The sign leaves only 30° of it. Why so little? Write the cosine between W
# and sign W as a mean over synapses; the sign turns every product w · sign(w) into |w|:
#
#     Eq. 2   cos = mean |w| / √(mean w²)
#
# For uniform weights that is (a/2) / (a/√3) = √3/2, and so 30°, whatever the layer's size. With independent
# magnitudes m it is the product of two such factors, 3/4, or 41.4°. The bit is worth less where few weights are
# strong. Guess first: what is the angle for normal weights, and for Laplace ones, with their long tails?

# %%
rng = np.random.default_rng(2)
draws = {"uniform": rng.uniform(-1, 1, 10**6), "normal": rng.normal(size=10**6), "Laplace": rng.laplace(size=10**6)}
predicted, measured = {}, {}
for name, w in draws.items():
    predicted[name] = np.degrees(np.arccos(np.abs(w).mean() / np.sqrt((w**2).mean())))             # Eq. 2
    measured[name] = fa.alignment.angle(w, np.sign(w))
    print(f"{name:8} Eq. 2: {predicted[name]:.1f}°   measured: {measured[name]:.1f}°")

# %% [markdown]
# ## What survives several layers?
#
# 30° off is nearly right. But the error goes through one such layer after the other. If each layer's mistake is
# independent of the last one's, the cosines multiply:
#
#     Eq. 3   cos after k layers = (√3/2)ᵏ       and (3/4)ᵏ with random magnitudes
#
# How many layers can a message pass before it is more than 60° off? Answer before you look at the picture.

# %%
deep = fa.networks.mlp([64, *[128] * 8, 10], rng=np.random.default_rng(0), dtype=np.float64)
x, labels = fa.data.digits().batch(500)
through = {}
with fa.figures.panels("05_signs_through_layers", "Every layer of signs takes its factor from the cosine") as axes:
    hops = np.arange(9)
    for name, factor in [("usf", np.sqrt(3) / 2), ("frsf", 3 / 4), ("fa", 0.0)]:
        rule = fa.rules.make(name, deep, rng=np.random.default_rng(1))
        angles = fa.alignment.delta_angles(rule, x, labels)                     # {"fc9": 0, "fc8": …, "fc1": …}
        through[name] = np.array([angles[f"fc{9 - k}"] for k in hops])
        look = fa.figures.look(name)
        axes.plot(hops, through[name], look.marker, color=look.colour, label=f"{name}, measured")
        law = np.degrees(np.arccos(factor**hops))                                                       # Eq. 3
        axes.plot(hops, law, color=look.colour, linewidth=1, label=f"cos = {factor:.2g}ᵏ")
    axes.axhline(60, color="gray", linewidth=1)
    axes.set(xlabel="layers passed on the way down, k", ylabel="angle to backprop's error (degrees)", ylim=(0, 100))
    axes.legend(ncol=3, loc="lower right")

# %% [markdown]
# Four layers with signs alone, two with random magnitudes, then the message is past 60°. That was before training.
# Now let networks learn, and spoil some of the signs on top: a share p of the synapses of M turns negative, so that
# their feedback has the wrong sign for ever. Each of them takes away what a right one gives:
#
#     Eq. 4   cos = (1 − 2p) · √3/2
#
# At p = 0.5 the feedback is 90° from W, just as a random B is, and with a random B feedback alignment learns. Guess:
# how well does a network learn when half of its signs are wrong? And how well does it do when nothing is sent down,
# `"top-only"`?

# %%
digits = fa.data.digits().standardised()

def train(name, share=0.0, seed=0):
    """-> (degrees from W to its feedback at fc2 before training, test accuracy, update angle of fc1 before, after)."""
    student = fa.networks.mlp([64, 64, 64, 10], rng=np.random.default_rng([seed, 0]))
    rule = fa.rules.make(name, student, rng=np.random.default_rng([seed, 1]))
    wrong = np.random.default_rng([seed, 2])
    for layer in student.weighted_layers() if share else []:
        M = rule.constants()[f"{layer.name}.M"]
        rule.set_feedback(layer.name, M=np.where(wrong.random(M.shape) < share, -M, M))
    before = fa.alignment.weight_angles(rule).get("fc2")
    sgd = fa.optimizer.SGD(lr=0.02, momentum=0.9, weight_decay=1e-4)
    first, *_, last = fa.training.train(rule, digits, sgd, epochs=15, rng=np.random.default_rng([seed, 3]))
    ends = [row["backprop_angle"]["fc1.weight"] for row in (first, last)]
    return np.array([before, last["test_accuracy"], *ends], dtype=float)       # what is None becomes nan

names = ("bp", "usf", "frsf", "brsf", "fa", "top-only")
results = {name: np.mean([train(name, seed=seed) for seed in range(3)], axis=0) for name in names}
for name, (_, accuracy, start, end) in results.items():
    print(f"{name:8} test accuracy {accuracy:.3f}   update of fc1 to backprop: {start:3.0f}° -> {end:3.0f}°")

shares = np.array([0, 0.1, 0.2, 0.3, 0.4, 0.5])
spoiled = np.array([np.mean([train("usf", share, seed) for seed in range(3)], axis=0) for share in shares])    # (6, 4)
print("right with a share of wrong signs:", dict(zip(shares.tolist(), spoiled[:, 1].round(2).tolist())))

# %%
title = (f"Half of the signs wrong: {spoiled[-1, 1]:.0%} right.   "
         f"Nothing sent at all: {results['top-only'][1]:.0%} right")
with fa.figures.panels("05_wrong_signs", title, columns=2) as (left, right):
    left.plot(shares, np.degrees(np.arccos((1 - 2 * shares) * np.sqrt(3) / 2)), color="gray", label="Eq. 4")
    left.plot(shares, spoiled[:, 0], "o", color=fa.figures.look("usf").colour, label="fc2, before training")
    left.set(xlabel="share of wrong signs, p", ylabel="angle between W and feedback (degrees)", ylim=(0, 95))
    left.legend()
    right.plot(shares, spoiled[:, 1], "o-", color=fa.figures.look("usf").colour, label="usf, a share p wrong")
    for name in ("bp", "fa", "top-only"):
        right.axhline(results[name][1], color=fa.figures.look(name).colour, linestyle="dashed", label=name)
    right.set(xlabel="share of wrong signs, p", ylabel="test accuracy", ylim=(0, 1.02))
    right.legend(loc="lower left")

# %% [markdown]
# With right signs the network is as good as with backprop, within 1 or 2 %, and in training its updates come closer
# to the gradient: from about 40° to about 28° at `fc1`. Every tenth sign may be wrong at little cost. Then it breaks:
# with half of them wrong the network is at chance, 10 %, although its feedback is no further from W than the random one
# of `"fa"`, with which it reaches 93 %. And when nothing is sent it reaches 87 %. Signs that are wrong are worse than
# none: the hidden layers that they teach spoil what random ones would have brought to the top. Four wrong signs in ten
# are enough for that. (With three in ten it is chance which of the networks break.)
#
# A random B *stands still*, and W can turn towards it (lesson 3). A wrong sign is wrong about whatever W becomes: where
# W changes sign the feedback changes with it, Eq. 4 holds at every moment, and there is nothing that W could turn
# towards. Feedback may be ignorant if it holds still, and it may move if it is right, as in `"brsf"`. To be wrong and
# to move is beyond repair.
#
# ## Is it so?

# %%
angle_now = {name: fa.alignment.weight_angles(rule)["fc2"] for name, rule in feedback.items()}
assert all(abs(angle_now[name] - degrees) < 1.5 for name, degrees in [("fa", 90), ("usf", 30), ("frsf", 41.4)])
assert all(abs(measured[name] - about) < 0.2 for name, about in [("uniform", 30), ("normal", 37.1), ("Laplace", 45)])
assert np.abs(np.array(list(predicted.values())) - list(measured.values())).max() < 1e-9
assert through["usf"][4] < 60 < through["usf"][5] and through["frsf"][2] < 60 < through["frsf"][3]
assert np.abs(through["usf"] - np.degrees(np.arccos(0.75 ** (np.arange(9) / 2)))).max() < 5
assert np.abs(np.cos(np.radians(spoiled[:, 0])) - (1 - 2 * shares) * np.sqrt(3) / 2).max() < 0.04              # Eq. 4
assert results["bp"][1] - results["usf"][1] < 0.02
assert abs(results["usf"][2] - 40) < 8 and abs(results["usf"][3] - 28) < 8
assert spoiled[1, 1] > 0.93 and spoiled[-1, 1] < 0.2 and spoiled[4, 1] < results["top-only"][1] - 0.3
assert np.allclose([results[name][1] for name in ("fa", "top-only")], [0.93, 0.87], atol=0.03)

# %% [markdown]
# ## Exercises
#
# **5.1** The way down by signs, with units to pass. M stays as it was drawn: whoever multiplies the signs into it
# finds the old ones there at the next flip.
#
# **5.2** Eq. 2 for any array of weights, dense or convolutional.
#
# **5.3** A second bit: sign, and whether |w| lies above half of its bound. Choose the two magnitudes well and measure
# the angle to a uniform W. With b bits the best angle is arcsin 2⁻ᵇ: check it for b = 1, 2, 3 and say why.
#
# **5.4** In which layers do signs flip while a network learns? Keep W's signs every epoch and count. Then freeze the
# *feedback* at the signs of the start, `fa.rules.make("fa", …)` with B set to them. Which of the two learns better?
#
# **5.5** Wrong signs that stand still: give `"fa"` a B of which half the signs agree with the first W. Guess, then
# train.

# %%
def signed_error(error, weight, M, v):
    """Exercise 5.1. Send the error down through W's signs with M's magnitudes (equation 1), and on through ReLU.

    error (N, out) at the layer's output, weight and M (out, in), v (N, in) the pre-activations of the ReLU units below.
    Return the error at v, (N, in). M is as it was drawn, of both signs; a synapse with weight 0 sends nothing. The
    slope of ReLU is 1 where v > 0 and 0 elsewhere.
    """
    raise NotImplementedError

fa.exercise("5.1", signed_error)

# %%
def angle_to_signs(weight):
    """Exercise 5.2. Degrees between a weight array of any shape and its signs, from its moments (equation 2)."""
    raise NotImplementedError

fa.exercise("5.2", angle_to_signs)

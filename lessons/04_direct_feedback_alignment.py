# %% [markdown]
# # 4. Can every layer hear the error straight from the output?
#
# *Papers: Nøkland 2016, arXiv 1609.01596; Refinetti et al. 2021, arXiv 2011.12428. 20 minutes to read, 40 to do. Know
# before: lesson 3.*
#
# Feedback alignment needs no copy of W, but it still hands the error down like a bucket in a chain. Direct feedback
# alignment gives every layer a line of its own to the output, through fixed random weights:
#
#     Eq. 1   e_in = e_L B        (N, classes) x (classes, in) -> (N, in)
#     Eq. 2   ∂W = eᵀ x           local, as in every rule
#
# `e_L` is the error at the output of the network and `e_in` the error at the inputs of one layer, where it still meets
# the derivative of the units there. Nothing else of the layers above is in Eq. 1.

# %%
import numpy as np

import feedbackalign as fa

fa.blas_threads(1)                                  # one thread of the matrix library: more would spin while they wait
net = fa.networks.mlp([64, 48, 32, 24, 10], rng=np.random.default_rng(0), dtype=np.float64)
rule = fa.rules.make("dfa", net, rng=np.random.default_rng(1))
x, labels = fa.data.digits().batch(100)                         # (100, 64), (100,)
fa.figures.show(fa.figures.schematic("dfa"), "04_schematic")    # every B starts from the 10 outputs

# %% [markdown]
# ## Cut one wire
#
# Put zeros in place of the feedback weights of `fc3`, once in `"fa"` and once in `"dfa"`. Which layers fall silent?

# %%
def silent_layers(name):
    """Layers whose error is exactly zero once the feedback of fc3 is cut."""
    cut = fa.rules.make(name, net, rng=np.random.default_rng(1))
    cut.set_feedback("fc3", B=0 * cut.constants()["fc3.B"])
    errors = cut.gradients(x, labels).errors
    return sorted(layer for layer, sent in errors.items() if not sent.any())
silent = {name: silent_layers(name) for name in ("fa", "dfa")}
print(silent)                                                   # a chain breaks below the cut; a line breaks alone

# %% [markdown]
# ## When is the direct line the truth?
#
# Take the activations away. In a linear network the exact error at the inputs of layer l is `e_L W_L … W_l`: one
# matrix product for all samples, and a fixed B may hold it. `rule.match_to_backprop()` puts B_l = W_L … W_l. Then put
# the very same weights and the very same B into a network of ReLU units. How far off is it now?

# %%
pair = []
for units in ("identity", "relu"):                              # twice the same weights: the same seed
    deep = fa.networks.mlp([64, *[48] * 6, 10], activation=units, rng=np.random.default_rng(0), dtype=np.float64)
    pair.append(fa.rules.make("dfa", deep, rng=np.random.default_rng(1)))
pair[0].match_to_backprop()
for name, B in pair[0].B.items():
    pair[1].set_feedback(name, B=B)
exact, spoiled = (fa.alignment.delta_angles(each, x, labels) for each in pair)
for name in exact:
    print(f"{name}: {exact[name]:6.1e}° in the linear network, {spoiled[name]:5.1f}° with ReLU")

# %% [markdown]
# ## Why depth hurts
#
# In the ReLU network the exact error of sample n is `e_L W_L D W_(L-1) D …`, where D silences the units that were off
# *for this sample*. Every sample needs a matrix of its own, and B is one for all. So ask how good the best B could be,
# the one that minimises ‖e_L B − exact error‖ over a thousand samples, by least squares. Guess: how far from the truth
# is it one layer below the output, and how far seven layers down?

# %%
signals = fa.data.mnist1d(rng=np.random.default_rng(0))         # the digits as noisy signals: too hard for one layer
def angle_of_best_B(activation, seed=0):
    """Degrees between the exact error and the best direct one, from the top layer's inputs downwards: a list."""
    sizes = [40, *[64] * 8, 10]
    deep = fa.networks.mlp(sizes, activation=activation, rng=np.random.default_rng(seed), dtype=np.float64)
    probe, targets = signals.batch(1000)
    e_L = deep.loss_error(deep.forward(probe), targets)         # (1000, 10)
    deep.backward(e_L)
    angles = []
    for layer in reversed(deep.weighted_layers()[1:]):
        wanted = layer.transport(layer.error, layer.weight)                     # (1000, out) -> (1000, in), exact
        best = np.linalg.lstsq(e_L, wanted, rcond=None)[0]                      # (classes, in)
        angles.append(fa.alignment.angle(e_L @ best, wanted))
    return angles
best = {activation: angle_of_best_B(activation) for activation in ("relu", "tanh")}
title = f"The best fixed B is exact one layer down and {best['relu'][-1]:.0f}° off below seven layers of ReLU"
with fa.figures.panels("04_best_direct_feedback", title) as axes:
    for activation, angles in best.items():
        axes.plot(range(len(angles)), angles, "o-", label=f"{activation} units, at the start")
    axes.set(xlabel="layers of units that the error would have to pass on its way", ylabel="degrees to the exact error")
    axes.legend()

# %% [markdown]
# One layer down there is no D in the way, and the best B is W itself. Every further layer of ReLU units takes something
# away that *no* fixed B can give back; tanh units near zero are almost linear, so there it is little. A random B starts
# worse still, near 90°, and has to wait until the forward weights align with it.
#
# ## And in training?
#
# Depths of 1, 3 and 6 hidden layers of tanh units, three seeds each, and for comparison `"top-only"`, whose hidden
# layers never learn. What do you expect: which rule survives depth, and which one loses by it?

# %%
def train(name, depth, seed, lr=0.05):
    """(test accuracy, updates' angles to backprop from fc1 up, degrees from the top W to its B) after 10 epochs."""
    student = fa.networks.mlp([40, *[64] * depth, 10], activation="tanh", rng=np.random.default_rng([seed, 0]))
    teacher = fa.rules.make(name, student, rng=np.random.default_rng([seed, 1]))
    sgd = fa.optimizer.SGD(lr=lr, momentum=0.9, weight_decay=1e-4)
    last = fa.training.train(teacher, signals, sgd, epochs=10, rng=np.random.default_rng([seed, 2]))[-1]
    updates = np.array([last["backprop_angle"][f"fc{k}.weight"] for k in range(1, depth + 1)], dtype=float)
    W = student.weighted_layers()[-1].weight
    return last["test_accuracy"], updates, fa.alignment.angle(W, teacher.constants().get(f"fc{depth + 1}.B", W))
depths, names = (1, 3, 6), ("bp", "fa", "dfa", "top-only")
runs = {(name, depth): [train(name, depth, seed) for seed in range(3)] for name in names for depth in depths}
still = {f"fc{k}": 0.0 for k in range(1, 6)}                    # rates: only fc6 and the top learn
runs["still", 6] = [train("dfa", 6, seed, lr=still | {"fc6": 0.05, "fc7": 0.05}) for seed in range(3)]
accuracy, angles, tops = ({key: np.mean([run[part] for run in each], axis=0) for key, each in runs.items()}
                          for part in range(3))
for name in names:
    print(name, *(f"{depth} hidden: {accuracy[name, depth]:.2f} right" for depth in depths), sep="   ")
for key in [("dfa", 1), ("dfa", 3), ("dfa", 6), ("fa", 6), ("still", 6)]:
    print(*key, "hidden: updates", angles[key].round(), f"top W {tops[key]:.0f}° from its B")
title = "Depth: the direct line fades less than the chain, and is heard last at the top"
with fa.figures.panels("04_depth", title, columns=2) as (left, right):
    for name in names:
        look = fa.figures.look(name)
        style = {"color": look.colour, "linestyle": look.dash, "marker": look.marker, "label": name}
        left.plot(depths, [accuracy[name, depth] for depth in depths], **style)
        if name in ("fa", "dfa"):
            right.plot(range(1, 7), angles[name, 6], **style)
    right.plot(6, angles["still", 6][-1], "*", color="black", markersize=18, label="dfa, fc1 to fc5 held still")
    left.set(xlabel="hidden layers", ylabel="test accuracy", ylim=(0, 0.65), xticks=depths)
    right.set(xlabel="layer, bottom to top (6 hidden)", ylabel="update's angle to backprop (degrees)", ylim=(0, 95))
    left.legend()
    right.legend()

# %% [markdown]
# Backprop stays between 0.49 and 0.54. Feedback alignment falls to 0.32, not far above hidden layers that never learn
# (0.25): its message meets one wrong matrix after the other, and at the bottom the updates are more than 80° off. The
# direct line loses less, for every layer hears the same fresh error. But the more layers lie in between, the less one
# matrix can say for all samples: the update of `fc1` is 47° off with one hidden layer, 62° with three, 71° with six.
#
# And `fc6`, next to the output, is the worst, 85°? Lesson 3 says how B gets into the W above: by what the layer between
# them learns. What `fc1` answers moves by `fc1` alone, so its B is heard. What `fc6` answers moves with the five layers
# below, along *their* lines, and of its own B little arrives in the top W, 83° off. Hold the five still (star): it is
# 66°, and `fc6` is 70° off. Lines are learned from the bottom up, and ten epochs were too few for the last (4.3).
#
# ## Is it so?

# %%
assert silent == {"fa": ["fc1", "fc2"], "dfa": ["fc2"]} and max(exact.values()) < 1e-5 and spoiled["fc6"] < 1e-5
assert min(spoiled[f"fc{k}"] for k in range(1, 6)) > 40
assert best["relu"][0] < 1e-5 and 55 < best["relu"][-1] < 75 and best["tanh"][-1] < 35
assert all(0.47 < accuracy["bp", depth] < 0.56 and accuracy["dfa", depth] < 0.48 for depth in depths)
assert np.allclose([accuracy[name, 6] for name in ("dfa", "fa", "top-only")], [0.40, 0.32, 0.25], atol=0.035)
assert accuracy["fa", 1] > accuracy["fa", 3] > accuracy["fa", 6] + 0.03 and angles["fa", 6][0] > 80
assert all(abs(angles["dfa", depth][0] - about) < 6 for depth, about in [(1, 47), (3, 62), (6, 71)])
assert angles["dfa", 6].argmax() == 5 and abs(angles["dfa", 6][5] - 85) < 6 and abs(angles["still", 6][5] - 70) < 6
assert abs(tops["dfa", 6] - 83) < 3 and abs(tops["still", 6] - 66) < 3

# %% [markdown]
# ## Exercises
#
# **4.1** The errors of all hidden layers in direct feedback alignment, by hand. No loop over layers needs to run in
# any order: that is the point.
#
# **4.2** The feedback with which a linear network hears exactly what backprop would tell it.
#
# **4.3** Train `"dfa"` with six hidden layers for 40 epochs. Where is `fc6` now, and the top W? Then train ten epochs
# with `fc6` held still (a rate of 0): it answers *more* signals right. What did its learning disturb?
#
# **4.4** Direct random target projection, `"drtp"`, sends not even the error, only the label. Put it into `names`.
# What can a layer still learn when nobody tells it whether the answer was right?
#
# **4.5** Convolutions are said to be where direct feedback fails. Train `fa.networks.digits_conv` with `"bp"`, `"fa"`
# and `"dfa"` on `fa.data.digits(images=True)` and look at the update angles of its convolutions. Every tap of a
# kernel is used at many places, and B tells each place something else: what does their sum keep?

# %%
def direct_errors(output_error, feedback, preactivations):
    """Exercise 4.1. The error at every hidden layer of ReLU units, each straight from the output (equation 1).

    output_error (N, classes); feedback and preactivations are lists over the hidden layers, bottom to top: B (classes,
    units) and v (N, units), the units' input. Return the list of errors at the pre-activations, each (N, units): what
    `send_back` delivers, times the slope of ReLU, which is 1 where v > 0 and 0 elsewhere.
    """
    raise NotImplementedError

fa.exercise("4.1", direct_errors)

# %%
def matching_feedback(weights):
    """Exercise 4.2. B for every layer of a linear network, so that e_L B is what backprop sends to the layer's inputs.

    weights: list of W (out, in), bottom to top, L of them. Return the list of B_l (classes, in), bottom to top, as
    new arrays: B_l = W_L … W_l.
    """
    raise NotImplementedError

fa.exercise("4.2", matching_feedback)

# %% [markdown]
# # 4. Can every layer hear the error straight from the output?
#
# Feedback alignment needs no copy of W, but it still hands the error down like a bucket in a chain: layer 3 waits for
# layer 4, layer 2 waits for layer 3. Direct feedback alignment (Nøkland 2016) gives every layer a line of its own to
# the output, through fixed random weights:
#
#     Eq. 1   e_in = e_L B        (N, classes) x (classes, in) -> (N, in)
#     Eq. 2   ∂W = eᵀ x           local, as in every rule
#
# `e_L` is the error at the output of the whole network and `e_in` the error at the inputs of one layer, where it
# still meets the derivative of the units that sit there. Nothing else of the layers above is in Eq. 1.

# %%
import numpy as np

import feedbackalign as fa

fa.blas_threads(1)                                  # one thread of the matrix library: more would spin while they wait
net = fa.networks.mlp([64, 48, 32, 24, 10], rng=np.random.default_rng(0), dtype=np.float64)
rule = fa.rules.make("dfa", net, rng=np.random.default_rng(1))
x, labels = fa.data.digits().batch(100)                         # (100, 64), (100,)

output = net.forward(x)                                         # (100, 64) -> (100, 10)
loss, error = net.loss_and_error(output, labels)                # a float, (100, 10)
step = rule.backward(error)                                     # a debugger can stop before and after this line
for row in rule.trace(x, labels):
    print(f"{row['layer']}: {row['route']}")                    # every B starts from the 10 outputs

# %% [markdown]
# ## Cut one wire
#
# Put zeros in place of the feedback weights of `fc3`, once in feedback alignment and once in direct feedback
# alignment. Which layers fall silent? Make your guess for both before you run the cell.

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
# *for this sample*. Every sample needs a matrix of its own, and B is one matrix for all. So ask not how good a random
# B is, but how good the best one could be: the B that minimises ‖e_L B − exact error‖ over a thousand samples, found
# by least squares. Guess: how far from the truth is that best B one layer below the output, and how far seven layers
# down?

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
# One layer down there is no D in the way and the best B is exact: it is W itself. Every further layer of ReLU units
# takes something away that *no* fixed B can give back; tanh units near zero are almost linear, so there it is little.
# A random B starts worse still, near 90°, and has to wait until the forward weights align with it.
#
# ## And in training?
#
# Depths of 1, 3 and 6 hidden layers of tanh units, two seeds each. What do you expect: which rule gains from depth,
# which one only survives it, and which one loses?

# %%
def train(name, depth, seed):
    """(test accuracy, angles of the weight updates to backprop from fc1 upwards) after 10 epochs."""
    student = fa.networks.mlp([40, *[64] * depth, 10], activation="tanh", rng=np.random.default_rng([seed, 0]))
    teacher = fa.rules.make(name, student, rng=np.random.default_rng([seed, 1]))
    sgd = fa.optimizer.SGD(lr=0.05, momentum=0.9, weight_decay=1e-4)
    last = fa.training.train(teacher, signals, sgd, epochs=10, rng=np.random.default_rng([seed, 2]))[-1]
    return last["test_accuracy"], [last["backprop_angle"][f"fc{k}.weight"] for k in range(1, depth + 1)]

depths, names = (1, 3, 6), ("bp", "fa", "dfa")
runs = {(name, depth): [train(name, depth, seed) for seed in (0, 1)] for name in names for depth in depths}
accuracy = {key: np.mean([run[0] for run in both]) for key, both in runs.items()}
angles = {key: np.mean([run[1] for run in both], axis=0) for key, both in runs.items()}
for name in names:
    print(name, *(f"{depth} hidden: {accuracy[name, depth]:.2f}" for depth in depths), sep="   ")

title = "Depth: the direct line fades less than the chain, and gains nothing either"
with fa.figures.panels("04_depth", title, columns=2) as (left, right):
    for name in names:
        look = fa.figures.look(name)
        style = {"color": look.colour, "linestyle": look.dash, "marker": look.marker, "label": name}
        left.plot(depths, [accuracy[name, depth] for depth in depths], **style)
        if name != "bp":
            right.plot(range(1, 7), angles[name, 6], **style)
    left.set(xlabel="hidden layers", ylabel="test accuracy", ylim=(0, 0.65), xticks=depths)
    right.set(xlabel="layer, bottom to top (6 hidden)", ylabel="update's angle to backprop (degrees)", ylim=(0, 95))
    left.legend()
    right.legend()

# %% [markdown]
# Backprop gains a little from the second and third layer. Feedback alignment loses with every layer: its message is
# multiplied by one wrong matrix after the other, and at the bottom the updates stand more than 80° from the gradient.
# The direct line loses less, for every layer hears the same fresh error. But the more layers lie in between, the less
# one matrix can say for all samples: the update of `fc1` is about 50° off with one hidden layer, about 60° with three
# and about 70° with six. Depth costs this rule no time, and gives it nothing.
#
# ## Is it so?

# %%
assert silent == {"fa": ["fc1", "fc2"], "dfa": ["fc2"]}
assert max(exact.values()) < 1e-5 and spoiled["fc6"] < 1e-5     # fc7's wire passes no units: exact even with ReLU
assert min(spoiled[f"fc{k}"] for k in range(1, 6)) > 40
assert best["relu"][0] < 1e-5 and 55 < best["relu"][-1] < 75 and best["tanh"][-1] < 35
assert accuracy["bp", 3] > accuracy["bp", 1] and accuracy["dfa", 6] > accuracy["fa", 6] + 0.03
assert max(accuracy["dfa", 3], accuracy["dfa", 6]) < accuracy["dfa", 1] + 0.03
assert accuracy["fa", 1] > accuracy["fa", 3] > accuracy["fa", 6] + 0.03 and angles["fa", 6][0] > 80
assert all(abs(angles["dfa", depth][0] - about) < 8 for depth, about in [(1, 50), (3, 60), (6, 70)])

# %% [markdown]
# ## Exercises
#
# **4.1** The errors of all hidden layers in direct feedback alignment, by hand. No loop over layers needs to run in
# any order: that is the point.
#
# **4.2** The feedback with which a linear network hears exactly what backprop would tell it.
#
# **4.3** The picture of the best B was drawn at the start. Train a ReLU network with backprop for a few epochs and
# draw it again. The angles fall: why does training make the network easier to serve with one matrix per layer?
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

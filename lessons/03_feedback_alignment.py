# %% [markdown]
# # 3. Who tells a synapse what it did wrong?
#
# Backprop sends the error at a layer's output down through that layer's own weights: `e_in = e W`. A real synapse
# conducts one way. The brain would need a second set of wires that copies the first, at every step: the **weight
# transport problem**. Feedback alignment asks what happens if the second set is simply random and never learns:
#
#     Eq. 1   v = x Wᵀ + b           forward, as ever
#     Eq. 2   e_in = e B             on the way down: B is drawn once, in the shape of W, in the place of W
#     Eq. 3   ∂W = eᵀ x              what came back times what had arrived: both are at the synapse
#
# Before you run the next cells, guess: how far does an update of noise point away from the gradient, in degrees?

# %%
import numpy as np

import feedbackalign as fa

fa.blas_threads(1)                                  # one thread of the matrix library: more would spin while they wait
data = fa.data.digits().standardised()
x, labels = data.batch(200)


def fresh(name, seed=0):
    """The same network for every rule of one seed, and the rule on it."""
    net = fa.networks.mlp([64, 48, 32, 10], rng=np.random.default_rng(seed))
    return net, fa.rules.make(name, net, rng=np.random.default_rng(100 + seed))


starts = [fa.alignment.update_angles(fresh("fa", seed)[1], x, labels, to="backprop") for seed in range(20)]
at_start = {name: np.mean([angles[name] for angles in starts]) for name in ("fc1.weight", "fc2.weight", "fc3.weight")}
print("mean of 20 draws:", {name: f"{degrees:.0f}°" for name, degrees in at_start.items()})

# %% [markdown]
# About 90° in both hidden layers: at the start, the random error knows nothing. In a space of thousands of weights,
# two directions that have nothing to do with each other are nearly at right angles. The top layer is at 0° by
# construction: its error comes straight from the loss, and no feedback weight has touched it.
#
# ## Who looks at W?
#
# You can find out yourself. Run the forward pass. Then replace every W by noise, and send the same error down again.
# A rule whose errors move has read W on the way down: it transports weights. `rule.backward` starts the walk down,
# and `step.errors` holds the error at every layer.

# %%
moved = {}
for name in ("bp", "usf", "fa", "dfa", "pfa"):
    net, rule = fresh(name)
    output = net.forward(x)                                     # (N, 64) -> (N, 10)
    loss, error = net.loss_and_error(output, labels)            # a number, (N, 10)
    before = rule.backward(error).errors                        # {"fc3": (N, 10), "fc2": (N, 32), "fc1": (N, 48)}
    noise = np.random.default_rng(7)
    for layer in net.weighted_layers():
        layer.weight[...] = layer.draw_weights(noise)           # the forward pass is over: W is gone
    after = rule.backward(error).errors
    moved[name] = {layer: fa.alignment.angle(before[layer], after[layer]) for layer in before}
    print(f"{name:4}", {layer: f"{degrees:.0f}°" for layer, degrees in moved[name].items()})

# %% [markdown]
# Backprop (`bp`) loses its way, and so does sign symmetry (`usf`, lesson 5), which reads only the signs of W.
# Feedback alignment (`fa`) and the rules of lessons 4 and 7 (`dfa`, `pfa`) do not notice. That is the whole
# difference between the files `rules/backprop.py` and `rules/feedback_alignment.py`: one hands `layer.weight` to
# `layer.transport`, the other its own B. Read them side by side.
#
# ## And it learns
#
# Three networks each, trained for 20 epochs; the angles are measured on the same 200 images after each.

# %%
rows = fa.compare(["bp", "fa"], seeds=3, epochs=20, hidden=(48, 32), lr=0.01)
accuracy = {name: np.mean([row["test_accuracy"] for row in rows if row["rule"] == name and row["epoch"] == 20])
            for name in ("bp", "fa")}
print({name: f"{share:.1%}" for name, share in accuracy.items()}, "of the test digits right")


def mean_angle(which, name):
    """Mean over seeds of an angle of the record of fa, epoch by epoch: -> (epochs + 1,)."""
    return np.array([np.mean([row[which][name] for row in rows if row["rule"] == "fa" and row["epoch"] == epoch])
                     for epoch in range(21)])


update = {layer: mean_angle("update_angle", f"{layer}.weight") for layer in ("fc1", "fc2")}
weight = {layer: mean_angle("weight_angle", layer) for layer in ("fc1", "fc2", "fc3")}
title = "The random error becomes a useful one:\nthe forward weights turn towards the feedback weights"
with fa.figures.panels("03_angles", title, columns=2, sharey=True) as (left, right):
    for (layer, curve), dash in zip(update.items(), ["-", "--"]):
        left.plot(curve, dash, color="#bf0b00", label=f"∂W of {layer}, fa against backprop")
    for (layer, curve), dash in zip(weight.items(), [":", "--", "-"]):
        right.plot(curve, dash, color="#154aaa", label=f"W and B of {layer}")
    for panel in (left, right):
        panel.axhline(90, color="grey", linewidth=1)
        panel.set(xlabel="epoch", ylim=(0, 105), yticks=range(0, 91, 30), xticks=range(0, 21, 5))
        panel.legend(loc="lower left")
    left.set(title="update angle", ylabel="degrees")
    right.set(title="weight angle")

# %% [markdown]
# The updates of feedback alignment come from 90° to between 50° and 60° of the gradient, and the network learns to
# read digits almost as well as with backprop. Why? Look right: *W turns towards B.* The error that a hidden layer
# gets through B changes what the layer answers, along B; the layer above, whose update is Eq. 3, multiplies its error
# with these answers, and so B seeps into its W. After that, `e B` points where `e W` would. No synapse copied anything.
# Only `fc1` stays at 90°: its B carries no error, because no layer is below.
#
# Between 50° and 60° is downhill, but it is no gradient. In a deeper network the errors of the lower layers pass
# through B after B: this is where the next lessons begin.
#
# ## Is it so?

# %%
assert all(84 < at_start[name] < 96 for name in ("fc1.weight", "fc2.weight")) and at_start["fc3.weight"] < 1e-3
assert all(degrees < 1e-3 for name in ("fa", "dfa", "pfa") for degrees in moved[name].values())
assert all(moved[name][layer] > 75 for name in ("bp", "usf") for layer in ("fc1", "fc2"))
assert all(curve[0] > 80 and 48 < curve[-5:].mean() < 62 for curve in update.values())
assert abs(weight["fc1"][-1] - 90) < 3 and weight["fc3"][-1] < weight["fc2"][-1] < 83
assert 0.9 < accuracy["fa"] < accuracy["bp"] < accuracy["fa"] + 0.05

# %% [markdown]
# ## Exercises
#
# **3.1** and **3.2** stand below, coded. To call the package's own functions is allowed.
#
# **3.3** Put B = W at the start with `rule.match_to_backprop()` and train by hand with `fa.training.train_step`. The
# update angle begins at 0°. Does it stay there? Where does it end, and why there?
#
# **3.4** How many feedback synapses are needed? Make the rule with `density=0.1`, so that nine of ten entries of B
# are zero, and draw the picture again (`options={"density": 0.1}` in `fa.compare`).
#
# **3.5** Let only the top layer learn: give `fa.optimizer.SGD` the rates `lr={"fc1": 1e-12, "fc2": 1e-12, "fc3":
# 0.01}`. How good is the network now? Feedback alignment has to be compared with this, not with chance.


# %%
def feedback_update(error, W, B, v, x):
    """Exercise 3.1. The update of a hidden layer of ReLU units under feedback alignment (equations 2 and 3).

    error (N, out) is ∂L/∂z at the output of the layer above, which has the weights W (out, hidden) and the feedback
    weights B (out, hidden); v (N, hidden) are the hidden layer's pre-activations, x (N, in) its input. Return its ∂W,
    (hidden, in). The error already holds the 1/N of the mean.
    """
    raise NotImplementedError


fa.exercise("3.1", feedback_update)


# %%
def angle_between(u, v):
    """Exercise 3.2. The angle between two arrays of one shape, taken as two long vectors, in degrees.

    u and v may have any shape; neither is zero. Return a number between 0 and 180.
    """
    raise NotImplementedError


fa.exercise("3.2", angle_between)

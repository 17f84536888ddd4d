# %% [markdown]
# # 1. What does backprop compute, and how do you know that it is right?
#
# *Papers: Rumelhart et al. 1986, Nature 323, 533. 15 minutes to read, 30 to do. Know before: matrix products and the
# chain rule.*
#
# A network takes the image of a 3 for an 8. It has some thousand weights, and every one of them had a hand in it: by
# how much should each of them change? Backprop answers for all of them in one walk from the top of the network to the
# bottom. In this lesson you see the walk written out, line by line, and then the only honest way to know whether such
# lines are right: wiggle a weight, and look what the loss does.

# %%
import numpy as np

import feedbackalign as fa

fa.blas_threads(1)                                  # one thread of the matrix library: more would spin while they wait
data = fa.data.digits().standardised()                      # 8×8 images of digits, as rows of 64 numbers
x, labels = data.batch(100)
x = x.astype(np.float64)                                    # (N, 64): float64 to check, float32 to train
net = fa.networks.mlp([64, 16, 10], rng=np.random.default_rng(1), dtype=np.float64)
W1, b1 = net.layer("fc1").weight, net.layer("fc1").bias     # (16, 64), (16,): weights are always (out, in)
W2, b2 = net.layer("fc2").weight, net.layer("fc2").bias     # (10, 16), (10,)

# %% [markdown]
# ## Forward
#
#     Eq. 1   v = x W1ᵀ + b1        pre-activations of the hidden units
#     Eq. 2   h = max(v, 0)         what they answer: ReLU
#     Eq. 3   z = h W2ᵀ + b2        one number a class; the loss L is the mean cross-entropy over the batch
#
# The shapes stand behind every line. Most mistakes are visible there.

# %%
v = x @ W1.T + b1                                           # (N, 64) x (64, 16) -> (N, 16)     Eq. 1
h = fa.ops.activations.relu(v)                              # (N, 16)                           Eq. 2
z = h @ W2.T + b2                                           # (N, 16) x (16, 10) -> (N, 10)     Eq. 3
print("loss:", net.loss(z, labels), " the package's forward differs by", np.abs(net.forward(x) - z).max())

# %% [markdown]
# ## Backward
#
# An *error* at some place of the network is the gradient of the loss there, one number per sample and unit. It starts
# at the top and is sent down, through the same weights, read the other way round; at every layer on its way it meets
# what had come up.
#
#     Eq. 4   e2 = (softmax(z) − onehot) / N             the error at z; the only place that divides by N
#     Eq. 5   ∂W2 = e2ᵀ h,   ∂b2 = Σ e2                  what came back times what had arrived
#     Eq. 6   e1 = (e2 W2) ∘ (v > 0)                     sent down through W2, then through the slope of the ReLU
#     Eq. 5   ∂W1 = e1ᵀ x,   ∂b1 = Σ e1                  and the same again one layer below

# %%
fa.figures.show(fa.figures.schematic("bp"), "01_schematic")             # who speaks to whom, in the whole course

def gradients(x, labels, slope=lambda v: v > 0):
    """Backprop by hand, with the slope of the hidden units as an argument, so that it can be broken."""
    v = x @ W1.T + b1
    h = fa.ops.activations.relu(v)
    z = h @ W2.T + b2
    e2 = fa.ops.losses.cross_entropy_error(z, labels) / len(x)          # (N, 10)                           Eq. 4
    e1 = (e2 @ W2) * slope(v)                                           # (N, 10) x (10, 16) -> (N, 16)     Eq. 6
    return {"fc1.weight": e1.T @ x, "fc1.bias": e1.sum(axis=0),         # (16, N) x (N, 64) -> (16, 64)     Eq. 5
            "fc2.weight": e2.T @ h, "fc2.bias": e2.sum(axis=0)}         # (10, N) x (N, 16) -> (10, 16)     Eq. 5

by_hand = gradients(x, labels)

# %% [markdown]
# ## Is it right? Wiggle a weight
#
# `fa.check.numerical_gradient` knows nothing of the chain rule. It moves one weight up by h and down by h, runs the
# forward pass twice, and divides: (L(w + h) − L(w − h)) / 2h. Too large an h steps across the kink of a ReLU, and
# there is a cliff; too small an h sees only the rounding of the 16 digits. In between there is a valley.

# %%
def loss_at(weight):
    """The loss as a function of W1: `numerical_gradient` hands over W1 itself with one entry moved."""
    return net.loss(net.forward(x), labels)

entries = np.arange(0, W1.size, 37)                                     # 28 of the 1024 weights
exact = by_hand["fc1.weight"].ravel()[entries]
widths = 10.0**np.arange(-12, 0.1, 0.5)
errors = [np.abs(fa.check.numerical_gradient(loss_at, W1, entries, h=width) - exact).max() for width in widths]
best = widths[np.argmin(errors)]
with fa.figures.panels("01_width_of_the_wiggle", "Too wide steps across a kink, too narrow sees only rounding") as axes:
    axes.loglog(widths, errors, "o-", color="black")
    axes.axvline(fa.check.STEP, color="#bf0b00", linestyle="--", label=f"the package's h, {fa.check.STEP:.0e}")
    axes.set_xlabel("h, half the width of the wiggle")
    axes.set_ylabel("largest difference to backprop by hand")
    axes.legend()

# %% [markdown]
# At the bottom of the valley the two agree to 10 places behind the point. That is what *right* looks like: not
# "close", but as close as the arithmetic allows. `fa.check.check_gradients` does this for every parameter of a
# network, with the h of the red line, and raises an error if one entry is off.

# %%
report = fa.check.check_gradients(net, x, labels, gradients=by_hand)
print(f"{report.compared} entries compared; the worst is off by {report.worst:.1e} of itself")

# %% [markdown]
# ## Break one line
#
# Here are two versions of Eq. 6 that run without complaint. The first forgets the slope. The second takes it to be 1
# where v is above 1, not above 0, as a published course does. Predict first: would you notice while training?

# %%
SLOPES = {"right": lambda v: v > 0, "slope left out": lambda v: np.ones_like(v), "slope of v > 1": lambda v: v > 1}
for name, slope in SLOPES.items():
    try:
        fa.check.check_gradients(net, x, labels, gradients=gradients(x, labels, slope))
        print(f"{name}: passes")
    except fa.check.GradientError as error:
        print(f"{name}: {error}\n")

# %%
start = {name: array.copy() for name, array in net.parameters().items()}

def losses(slope, *learning):
    """The loss on the batch along 150 steps from the same start, in which only the layers named learn."""
    for key, array in net.parameters().items():
        array[...] = start[key]
    curve = []
    for _ in range(150):
        curve.append(net.loss(net.forward(x), labels))
        for key, gradient in gradients(x, labels, slope).items():
            if key.split(".")[0] in learning:
                net.parameters()[key][...] -= 0.2 * gradient            # one step downhill
    return curve

angles = {name: fa.alignment.angle(gradients(x, labels, slope)["fc1.weight"], by_hand["fc1.weight"])
          for name, slope in SLOPES.items()}
both = {name: losses(slope, "fc1", "fc2") for name, slope in SLOPES.items()}
lower = {name: losses(slope, "fc1") for name, slope in SLOPES.items()}
top = losses(SLOPES["right"], "fc2")
title = "Two of these three gradients are wrong, and all three learn"
with fa.figures.panels("01_wrong_gradients_learn", title, columns=2, sharey=True) as (left, right):
    for name, dash in zip(SLOPES, ["-", "--", ":"]):
        left.semilogy(both[name], dash, label=f"{name}: ∂W1 {angles[name]:.0f}° off")
        right.semilogy(lower[name], dash, label=f"{name}: ends at {lower[name][-1]:.2f}")
    left.semilogy(top, color="grey", linewidth=1, label=f"fc2 alone: ends at {top[-1]:.2f}")
    left.set(title="both layers learn", xlabel="steps", ylabel="loss on the batch", ylim=(1e-3, 4))
    right.set(title="fc1 alone learns", xlabel="steps")
    left.legend()
    right.legend()

# %% [markdown]
# A falling loss proves nothing. Left, ∂W2 is exact in all three runs, and the top layer makes up for much of what goes
# wrong below it; alone it comes to 0.72 (grey). Hold W2 and b2 still (right), and the loss ends at 0.39 with the right
# ∂W1, at 1.16 and 0.76 with the wrong ones. Even these go down: an update only has to point less than 90° away from
# the gradient. The course is about updates that are *not* the gradient. It measures how far they are from it,
# `fa.alignment.angle`, and asks each time what the top layer would have reached alone.
#
# ## Is it so?

# %%
assert np.array_equal(net.forward(x), fa.ops.activations.relu(x @ W1.T + b1) @ W2.T + b2)
assert min(errors) < 1e-10 and 1e-6 < best < 1e-3, "the valley, and what agrees at its bottom"
assert report.compared == 1210 and report.worst < 1e-6
assert all(10 < angles[name] < 90 for name in list(SLOPES)[1:]), "both wrong ones go downhill"
assert all(curve[-1] < 0.2 * curve[0] for curve in both.values()), "and all learn"
ends = [top[-1], *(curve[-1] for curve in lower.values())]
assert np.allclose(ends, [0.72, 0.39, 1.16, 0.76], atol=0.02), "one layer alone"
assert all(both[name][-1] < min(top[-1], lower[name][-1]) for name in SLOPES), "and both together"

# %% [markdown]
# ## Exercises
#
# **1.1** (coded) and **1.2** (coded) stand below. To call the package's own functions is allowed. `fa.exercise` says
# whether you are right; `fa.exercises.arguments("1.1")` is one set of arguments that it tries.
#
# **1.3** In `SLOPES`, add a slope of −1 for v > 0. What does the check say, what the angle, and what does the loss
# do?
#
# **1.4** Convert the network and x to float32 (`net.astype(np.float32)`) and draw the valley again, with differences
# of your own (`fa.check.numerical_gradient` takes float64 only). How deep is it now, and where?
#
# **1.5** Set a breakpoint in `gradients` on the line of Eq. 6 and step. What are the shapes of e2 and of e2 W2? Which
# columns of e1 are all zero, and what would it take for such a unit to learn again?

# %%
def hidden_error(error, weight, v):
    """Exercise 1.1. Send the error down one layer, to the pre-activations v of tanh units (as in Eq. 6).

    error (N, out) is ∂L/∂z at the layer's output, weight (out, in), v (N, in), and the layer's input was tanh(v).
    Return ∂L/∂v, (N, in).
    """
    raise NotImplementedError

fa.exercise("1.1", hidden_error)

# %%
def two_layer_gradients(x, targets, W1, W2):
    """Exercise 1.2. All of backprop, for y = tanh(x W1ᵀ) W2ᵀ and the mean over the batch of ½ Σ (y − targets)².

    x (N, in), targets (N, out), W1 (hidden, in), W2 (out, hidden). Return (∂L/∂W1, ∂L/∂W2), in the shapes of W1 and W2
    (Eq. 5 and 6; the error at the output of this loss is (y − targets) / N).
    """
    raise NotImplementedError

fa.exercise("1.2", two_layer_gradients)

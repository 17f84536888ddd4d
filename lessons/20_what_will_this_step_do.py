# %% [markdown]
# # 20. What will this step do?
#
# *Papers: Paeedeh, Ghiasi-Shirazi 2021, arXiv 2003.05164. 15 minutes to read, 30 to do. Know before: lesson 1.*
#
# Backprop hands every layer an error Δ, one row per sample: by so much, times −μ, should the layer's answer z to this
# sample move. The layer takes a gradient step. **Guess** how well z then moves as it should.
#
# All samples share W. With K = x xᵀ, the inner products of all pairs of samples, a layer without bias moves by
#
#     Eq. 1   W ← W − μ Δᵀ x         Δz = −μ K Δ              wanted: −μ Δ
#
# Every sample moves by its own error times its own squared length, and by everybody else's errors besides. The rule
# `consequentialism` (after the abstract of Paeedeh & Ghiasi-Shirazi 2021; the rest, as ε and the bias, is our choice)
# works out the consequences before it takes the step, and corrects the errors so that they come out right:
#
#     Eq. 2   E = (K + εI)⁻¹ Δ,   W ← W − μ Eᵀ x             Δz = −μ K (K + εI)⁻¹ Δ  →  −μ Δ  for small ε
#
# A bias is one more input, always 1: it adds 1 to every entry of K.

# %%
import numpy as np

import feedbackalign as fa

fa.blas_threads(1)                                  # one thread of the matrix library: more would spin while they wait
digits = fa.data.digits()
x, labels = digits.batch(32)                                            # (32, 64), (32,)
x = x.astype(np.float64)

net = fa.networks.mlp([64, 64, 10], init="kaiming-normal", rng=np.random.default_rng(0), dtype=np.float64)

def moves(net, x, **options):
    """How z of fc1 should move and how one step at lr 1 moves it: (32, 64) each, uphill as errors are."""
    name = "consequentialism" if options else "bp"
    step = fa.rules.make(name, net, rng=np.random.default_rng(1), **options).gradients(x, labels)
    moved = x @ step.grads["fc1.weight"].T + step.grads["fc1.bias"]     # (32, 64) x (64, 64) -> (32, 64)
    return len(x) * step.errors["fc1"], moved

cases = {"a gradient step": {}, "amended, ε = 1": {"epsilon": 1.0}, "amended, ε = 0.0001": {"epsilon": 1e-4}}
with fa.figures.panels("20_wanted_and_induced", "Every dot: one sample, one unit of fc1", columns=3) as columns:
    off = {}
    for axes, (words, options) in zip(columns, cases.items()):
        wanted, moved = moves(net, x, **options)
        off[words] = np.linalg.norm(moved - wanted) / np.linalg.norm(wanted)
        axes.plot(wanted.ravel(), moved.ravel(), ".", markersize=4, color=fa.figures.look("consequentialism").colour)
        ends = np.array([wanted.min(), wanted.max()])
        axes.plot(ends, ends, color="#8c8c8c", linewidth=1.2)
        axes.set(title=f"{words}: off by {off[words]:.0%}", xlabel="move that was wanted, Δ")
    columns[0].set_ylabel("move of z by one step, over μ")

# %% [markdown]
# The gradient step moves every sample about the same way: the samples resemble each other, and what one asks for all
# others get. (Here the mean gradient, lr 1.) Amended, they lie on the line. Where ε is not small they keep to a
# shorter move along the directions in which the samples differ little: there K has small eigenvalues s, and of a move
# only s/(s + ε) is made.
#
# ## One sample
#
# With a batch of one there are no others, and Eq. 2 says r x / (ε + ‖x‖²): *normalised* least mean squares, the step
# of adaptive filters since 1960. Its direction is the gradient's. So the angle to backprop begins at 0° at N = 1.
# **Guess** the angle at N = 32, and what happens when ε grows.

# %%
def joined(grads):
    return np.column_stack([grads["fc1.weight"], grads["fc1.bias"]])    # (64, 64), (64,) -> (64, 65)

sizes, epsilons = (1, 8, 32, 100), 10.0 ** np.arange(-2, 7)
angles = {}
for N in sizes:
    some, their_labels = digits.batch(N)
    some = some.astype(np.float64)
    for epsilon in epsilons:
        rule = fa.rules.make("consequentialism", net, rng=np.random.default_rng(1), epsilon=float(epsilon))
        angles[N, epsilon] = fa.alignment.angle(joined(rule.gradients(some, their_labels).grads),
                                                joined(rule.backprop_gradients(some, their_labels)))
with fa.figures.panels("20_angle_and_epsilon", "How far from the gradient? It depends on N and ε") as axes:
    for N, shade in zip(sizes, ("#8c8c8c", "#00bfea", "#154aaa", "#9f0b60")):
        axes.semilogx(epsilons, [angles[N, epsilon] for epsilon in epsilons], "o-", color=shade, label=f"N = {N}")
    axes.set(xlabel="ε", ylabel="fc1 with bias: angle to backprop (degrees)", ylim=(-3, 93))
    axes.legend()

# %% [markdown]
# A layer's weights and bias together lie always below 90°: tr(Δᵀ K (K + εI)⁻¹ Δ) is never negative, so their step leads
# downhill. (Of the weights alone this is not certain: K has the bias in it.) For large ε it is the gradient, times 1/ε.
#
# ## Inputs of another scale
#
# Multiply all inputs by 16 (pixels from 0 to 16, as in the file), and keep the errors. K grows by 256, and with it the
# move of a gradient step. **Guess** that of the amended step.

# %%
delta, _ = moves(net, x)                                                # (32, 64)
K = x @ x.T                                                             # (32, 32), without bias
grown = {"a gradient step": np.linalg.norm(256 * K @ delta) / np.linalg.norm(K @ delta)}
for epsilon in (1.0, 1e-4):
    small, large = (gram @ np.linalg.solve(gram + epsilon * np.eye(32), delta) for gram in (K, 256 * K))    # Eq. 2
    grown[f"amended, ε = {epsilon:g}"] = np.linalg.norm(large) / np.linalg.norm(small)
for words, factor in grown.items():
    print(f"inputs × 16: {words} moves {factor:.4g} times as far")

def train(rule, lr, scale, momentum=0.0, epochs=10, hidden=(64,)):
    """-> (mean loss during the first epoch, test accuracy after the last)."""
    student = fa.networks.mlp([64, *hidden, 10], init="kaiming-normal", rng=np.random.default_rng(0))
    made = fa.rules.make(rule, student, rng=np.random.default_rng(1))
    scaled, sgd = digits.standardised(mean=0.0, std=1 / scale), fa.optimizer.SGD(lr, momentum=momentum)
    rows = fa.training.train(made, scaled, sgd, epochs=epochs, rng=np.random.default_rng(2))
    return rows[1]["train_loss"], rows[-1]["test_accuracy"]

fa.figures.show(fa.figures.schematic("consequentialism"), "20_schematic")
scales = (0.1, 1.0, 16.0)
accuracies = {(rule, lr): [train(rule, lr, scale)[1] for scale in scales]
              for rule, lr in (("bp", 0.01), ("bp", 0.1), ("bp", 1.0), ("consequentialism", 0.03),
                               ("consequentialism", 0.3))}
print(f"\ntest accuracy, pixels times   {'   '.join(f'{scale:4g}' for scale in scales)}")
for (rule, lr), found in accuracies.items():
    print(f"{rule:16} lr {lr:<8}     {'   '.join(f'{100 * accuracy:3.0f}%' for accuracy in found)}")

# %% [markdown]
# One setting, μ = 0.3 and ε = 1, learns at all three scales; none of these rates of backprop does. That is the rule's
# point, and not that it is the more accurate: at its own best rate backprop comes close. Two warnings. A very small μ
# is slow where inputs are large: at 16 times the pixels the first logits are large, and have to be unlearnt in steps
# that no longer grow with the inputs. And momentum 0.9 adds up ten steps: μ from 0.1 to 1 is for momentum 0, and at
# most 0.03 for 0.9. With three hidden layers, which all move at once, it shows.

# %%
first = {(mu, momentum): train("consequentialism", mu, 1.0, momentum, epochs=1, hidden=(64, 64, 64))[0]
         for mu, momentum in ((0.3, 0.0), (0.3, 0.9), (0.03, 0.9))}
for (mu, momentum), loss in first.items():
    print(f"μ {mu:<4}  momentum {momentum:<3}  mean loss of the first epoch {loss:.3g}")

# %% [markdown]
# What does it cost? One solve per layer: N × N, or as many as the layer has inputs, whichever is smaller. And it is not
# local: every sample's error is corrected by those of all others.
#
# ## Is it so?

# %%
assert off["a gradient step"] > 0.5 and off["amended, ε = 0.0001"] < 0.01 < off["amended, ε = 1"] < 0.8
assert all(angles[1, epsilon] < 1e-5 for epsilon in epsilons) and max(angles.values()) < 90
assert angles[8, 1.0] < angles[32, 1.0] and all(angles[N, 1e6] < 1 for N in sizes)
assert abs(grown["a gradient step"] - 256) < 1e-6
assert 1 < grown["amended, ε = 0.0001"] < 1.01 < grown["amended, ε = 1"] < 4
assert min(accuracies["consequentialism", 0.3]) > 0.9 and accuracies["consequentialism", 0.03][2] < 0.7
assert all(min(found) < 0.8 for (rule, _), found in accuracies.items() if rule == "bp")
assert max(accuracies["bp", 0.1]) > 0.88
assert first[0.3, 0.9] > 10 > 2 > max(first[0.3, 0.0], first[0.03, 0.9])

# %% [markdown]
# ## Exercises
#
# **20.1** (coded) and **20.2** (coded) stand below.
#
# **20.3** Feed Adam with the amended gradients. Does it still matter that they are amended?
#
# **20.4** Let ε go to 0 in `train`. At some value the test accuracy falls although the loss does not. Whom does a step
# then obey?
#
# **20.5** A small convolutional network: `fa.networks.digits_conv`. How many rows has K now, and which of the two
# solves is the smaller one? (`fa.rules.make("consequentialism", …).trace` tells the condition.)

# %%
def amended_layer(x, delta, W, epsilon):
    """Exercise 20.1. One layer with bias, z = x Wᵀ + b: its two steps at μ = 1, and the error for the layer below.

    x (N, in), delta (N, out) the errors of the samples' own losses, W (out, in). Amend delta by equation 2, the bias
    being an input that is always 1. Return (what is subtracted from W (out, in), what is subtracted from b (out,), the
    error at x (N, in)). Below go the raw errors.
    """
    raise NotImplementedError

fa.exercise("20.1", amended_layer)

# %%
def induced_move(x, delta, mu, epsilon):
    """Exercise 20.2. How z of a layer without bias moves by the amended step (equation 2), (N, out).

    x (N, in), delta (N, out). Find the step, and apply it; or use K alone.
    """
    raise NotImplementedError

fa.exercise("20.2", induced_move)

# %% [markdown]
# # 21. Can a step be long and safe?
#
# *Papers: Frerix et al. 2018, arXiv 1706.04638. 20 minutes to read, 30 to do. Know before: lesson 20.*
#
# A gradient step goes along the slope *here*, for as long as you dare. An *implicit* step asks for the slope *there*,
# where it will end: of the sum of its aim and of a price for moving it takes the minimum,
#
#     Eq. 1   V = argmin ‖X Vᵀ − (z − η Δ)‖² + λ ‖V − W‖²        z = X Wᵀ, Δ the errors of the samples' own losses
#
# For a layer that is one solve. λ is the price: a small λ makes a long step. **Guess** what becomes of a linear layer's
# squared error in one step, if the step is ten thousand times as long as a gradient step may be.

# %%
import numpy as np

import feedbackalign as fa
from feedbackalign.rules.implicit.subproblem import conjugate_gradients, newton

fa.blas_threads(1)                                  # one thread of the matrix library: more would spin while they wait
digits = fa.data.digits()
x, labels = digits.batch(100)                                           # (100, 64), (100,)
x = x.astype(np.float64)
line = fa.networks.mlp([64, 10], bias=False, loss="squared-error", rng=np.random.default_rng(0), dtype=np.float64)
largest = np.linalg.norm(x, ord=2)**2                                   # of the eigenvalues of K = x xᵀ
lengths = 10.0 ** np.arange(-2, 4.5, 0.5)                               # in units of 1/largest: beyond 2 is too long

def loss_after(change):
    return line.loss(line.forward(x) - x @ change.T, labels)            # W − change in the place of W

error = line.sample_errors(line.forward(x), labels)                     # Δ (100, 10)
start, after = line.loss(line.forward(x), labels), {"explicit": [], "implicit": []}
for length in lengths:
    implicit = fa.rules.make("proxprop", line, rng=np.random.default_rng(1), eta=1.0, tau=float(length / largest))
    after["implicit"].append(loss_after(implicit.gradients(x, labels).grads["fc1.weight"]))
    after["explicit"].append(loss_after(length / largest * error.T @ x))
with fa.figures.panels("21_long_steps", "One step of a linear layer: explicit and implicit") as axes:
    for (kind, losses), colour, style in zip(after.items(), ("#000000", "#303cc0"), ("s--", "o-")):
        axes.loglog(lengths, losses, style, color=colour, label=f"{kind} step")
    axes.axhline(start, color="#8c8c8c", linewidth=1)
    axes.set(xlabel="length of the step, in units of 1/largest eigenvalue", ylabel="squared error after it")
    axes.legend()

# %% [markdown]
# No λ is too small. The implicit step takes away s/(s + λ) of the error along each eigenvector of K, s its eigenvalue:
# always less than all of it. The explicit step takes s/λ: too much once λ < s/2.
#
# ## Three papers, one solve
#
# (Only abstracts and two programs could be had; the rest is our choice.) `proxprop` takes Eq. 1 in every layer, weights
# and bias together, λ = 1/τ. Lesson 20 corrected the errors by their consequences,
# E = (K + εI)⁻¹ Δ, and stepped by μ Eᵀ X. **Guess** how far apart they are in a whole network, with μ = η, ε = 1/τ.

# %%
net = fa.networks.mlp([64, 64, 64, 10], init="kaiming-normal", rng=np.random.default_rng(0), dtype=np.float64)

def step(name, network=net, **options):
    return fa.rules.make(name, network, rng=np.random.default_rng(1), **options).gradients(x, labels).grads

def apart(ours, theirs):
    return max(np.linalg.norm(ours[name] - array) / np.linalg.norm(array) for name, array in theirs.items())

mu, epsilon = 0.3, 1.7
amended = {name: mu * array for name, array in step("consequentialism", epsilon=epsilon).items()}
same = {"proxprop": apart(step("proxprop", eta=mu, tau=1 / epsilon), amended)}
penalties = {"eta": mu, "weight_penalty": epsilon, "bias_penalty": epsilon, "solver": "newton"}
same["semi-implicit"] = apart(step("semi-implicit", **penalties), amended)
linear = {"fc1.weight": mu * step("consequentialism", line, epsilon=epsilon)["fc1.weight"]}
same["semi-implicit, a linear layer without bias"] = apart(step("semi-implicit", line, **penalties), linear)
rows, aims = np.concatenate([x, np.sqrt(epsilon) * np.eye(64)]), np.concatenate([mu * error, np.zeros((64, 10))])
minimum = np.linalg.lstsq(rows, aims, rcond=None)[0].T                  # Eq. 1 as one problem of least squares
same["Eq. 1 of that layer by least squares"] = apart({"fc1.weight": minimum}, linear)
for name, distance in same.items():
    print(f"{name}: off from consequentialism's step by {distance:.1e}")

# %% [markdown]
# The same, to rounding. Why: set the slope of Eq. 1 to zero, (V − W)(XᵀX + λI) = −η Δᵀ X; and X (XᵀX + λI)⁻¹ is
# (K + λI)⁻¹ X. What one paper calls the consequences of an update and corrects, the other calls a proximal step.
#
# `semi-implicit` (Liu & Zhang 2020, arXiv 2002.03516) goes another way from here, in three places:
#
#     Eq. 2   W⁺ = argmin ‖σ(X Vᵀ + b) − (F − η e)‖² + λ ‖V − W‖²        the unit σ belongs to the problem; F = σ(z)
#     Eq. 3   b⁺ in the same way, afterwards, with W⁺
#     Eq. 4   e ← (e ∘ σ'(z)) W⁺                                          down through new weights, with old slopes
#
# Only a linear layer without bias leaves nothing of that. With σ = ReLU, Eq. 2 is neither smooth nor convex. Look at
# the sum of one unit around the point where Newton's method ends.

# %%
rule = fa.rules.make("semi-implicit", net, rng=np.random.default_rng(1), eta=1.0)
fa.figures.show(fa.figures.schematic(rule), "21_schematic")
rule.gradients(x, labels)
problem = rule.weight_problem(rule.stages[0], rule.error_at(rule.stages[0], len(x)))        # Eq. 2 of fc1
V, status = newton(problem)
slopes = np.linalg.norm(problem.gradient(V, problem.X @ V.T), axis=1) * (status == "kink")
unit = int(slopes.argmax())                                             # it stopped on the steepest slope of all
alone, end = problem.row(unit), V[unit:unit + 1]
down = -alone.gradient(end, alone.X @ end.T) / slopes[unit]             # of length 1
t = np.linspace(-0.008, 0.008, 401)
along = np.array([alone.objective(end + s * down, alone.X @ (end + s * down).T) for s in t])
ends = {name: round(problem.objective(change, problem.X @ change.T) / float((problem.R**2).sum()), 3)
        for name, change in (("conjugate gradients", conjugate_gradients(problem)), ("Newton's method", V))}
with fa.figures.panels("21_a_kink", "Eq. 2 for one unit, around the point where Newton's method stopped") as axes:
    axes.plot(t, along, color=fa.figures.look("semi-implicit").colour)
    axes.plot(0, along[200], "ko")
    axes.set(xlabel="distance along the gradient there, downhill to the right", ylabel="sum of Eq. 2")
print("shares of the sum at the start that are left, all units:", ends)
print("rows of fc1:", {word: int((status == word).sum()) for word in ("stationary", "kink", "limit")})

# %% [markdown]
# The slope jumps where the unit falls silent for a sample, z = 0. Newton's method (`solver="newton"`) may end there, as
# `rule.status` tells. Five steps of conjugate gradients, the authors' solver and our default, go a part of the way.
#
# ## When is it backprop?
#
# Make the steps short, and an implicit step should become a gradient step. **Guess** which: a short η, or a large λ?

# %%
exact, small = step("bp")["fc3.weight"], 10.0 ** np.arange(0, 7)

def angle(**options):
    return fa.alignment.angle(step("semi-implicit", solver="newton", **options)["fc3.weight"], exact)

by_penalty, by_eta = zip(*((angle(weight_penalty=float(k)), angle(eta=float(0.5 / k))) for k in small))
with fa.figures.panels("21_two_limits", "Only one of two limits is backprop") as axes:
    axes.semilogx(small, by_penalty, "s-", color=fa.figures.look("semi-implicit").colour, label="λ = k,  η = 0.5")
    axes.semilogx(small, by_eta, "o--", color="#bf0b00", label="λ = 1,  η = 0.5 / k")
    axes.set(xlabel="k: steps k times shorter", ylabel="fc3: angle to backprop (degrees)", ylim=(-3, 93))
    axes.legend()

# %% [markdown]
# With a short η the step is shorter, and points where it did: to the gradient times (XᵀX + λI)⁻¹. Now six hidden
# layers: the loss over the whole training set after one epoch.

# %%
def deep(name, seed, penalty, eta=0.5, epochs=1):                       # -> loss over the training set, test accuracy
    network = fa.networks.mlp([64] * 7 + [10], init="kaiming-normal", rng=np.random.default_rng([seed, 0]))
    options = {"tau": 1 / penalty} if name == "proxprop" else {"weight_penalty": penalty, "bias_penalty": penalty}
    made = fa.rules.make(name, network, rng=np.random.default_rng(1), eta=eta, **options)
    with np.errstate(over="ignore", invalid="ignore"):
        rows = fa.training.train(made, digits, fa.optimizer.SGD(lr=1.0), epochs=epochs, batch_size=100,
                                 rng=np.random.default_rng([seed, 1]))
    return network.loss(network.forward(digits.train.x), digits.train.targets), rows[-1]["test_accuracy"]

found = {(name, penalty): np.array([deep(name, seed, penalty) for seed in (1, 2, 3)])
         for penalty in (0.1, 1.0, 10.0) for name in ("proxprop", "semi-implicit")}
for (name, penalty), some in found.items():
    print(f"λ {penalty:<5} {name:14} loss {np.round(some[:, 0], 2)}   test accuracy {np.round(some[:, 1], 3)}")
later = {name: [round(deep(name, seed, 10.0, epochs=8)[1], 3) for seed in (1, 2)]
         for name in ("proxprop", "semi-implicit")}
longer = deep("semi-implicit", 1, 1.0, eta=1.0)[0]
print(f"test accuracy after 8 epochs at λ = 10: {later}\nsemi-implicit, one epoch at η = 1: loss {longer:.3g}")

# %% [markdown]
# `semi-implicit` hardly notices λ; `proxprop` diverges where λ is small. That is what its unit and its new weights buy,
# and no more: at a λ that suits it `proxprop` is often the more accurate, here after 8 epochs. Seeds differ, too. And η
# *can* be too large: at η = 1 the changes of all layers add up, and the loss of this network explodes.
#
# ## Is it so?

# %%
assert max(after["implicit"]) < start and all(np.diff(after["implicit"]) < 0) and after["explicit"][-1] > 1e4 * start
assert all((distance > 0.1) if name == "semi-implicit" else (distance < 1e-10) for name, distance in same.items())
assert ends["Newton's method"] < ends["conjugate gradients"] < 1 and (status == "kink").sum() > 3
assert by_penalty[-1] < 0.1 and all(np.diff(by_penalty) < 0) and np.ptp(by_eta) < 1e-3 and by_eta[0] > 30
losses = {key: np.median(some[:, 0]) for key, some in found.items()}
assert all(losses["semi-implicit", penalty] < 0.5 for penalty in (0.1, 1.0, 10.0))
assert not losses["proxprop", 0.1] < 2.3 and losses["proxprop", 1.0] > losses["semi-implicit", 1.0]
assert losses["proxprop", 10.0] < 0.5 and not longer < 2.3
assert 0.93 < np.mean(later["semi-implicit"]) < np.mean(later["proxprop"])

# %% [markdown]
# ## Exercises
#
# **21.1** (coded) and **21.2** (coded) stand below.
#
# **21.3** Where does the angle between `proxprop` and backprop come from? Compare K's eigenvalues at N = 10 and 100.
#
# **21.4** Find the largest η at which the deep network still learns with `semi-implicit`, at 2, 4 and 6 hidden layers.

# %%
def error_below(x, W, b, step, error):
    """Exercise 21.1. The error at a ReLU layer's inputs, after its weights have been solved for (equation 4).

    x (N, in), W (out, in) and b (out,) as they were in the forward pass; step is W − W⁺; error e (N, out) at the output
    of the ReLU. Return (N, in).
    """
    raise NotImplementedError

fa.exercise("21.1", error_below)

# %%
def implicit_step(x, error, eta, penalty):
    """Exercise 21.2. The implicit step W − V of a linear layer without bias (equation 1), and its backprop limit.

    x (N, in), error Δ (N, out), penalty λ. Return (W − V (out, in), what λ/η times it tends to as λ grows (out, in)).
    """
    raise NotImplementedError

fa.exercise("21.2", implicit_step)

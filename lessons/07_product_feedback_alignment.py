# %% [markdown]
# # 7. How can feedback follow W if no synapse of it mirrors one of W?
#
# *Papers: Li, Benna 2024, arXiv 2405.20594. 20 minutes to read, 40 to do. Know before: lessons 3, 5 and 6.*
#
# Every rule so far that comes close to backprop sets a second synapse beside each first: read (backprop), half read
# (the signs), or taught to be its copy (Kolen-Pollack, the mirror). Product feedback alignment splits the way down into
# two hops over a middle population m that has no part in the forward pass:
#
#     e_in <--R-- m <--B-- e      Eq. 1   e_in = (e B) R      (N, out) -> (N, mid) -> (N, in)
#                                 Eq. 2   ∂W = eᵀ x           (out, in)
#                                 Eq. 3   ∂R = (e B)ᵀ x       (mid, in), which is Bᵀ ∂W
#
# B (out, mid) is random and fixed. R (mid, in) is plastic: its synapses hear m = e B and land on units whose activity
# is x, and Eq. 3 multiplies the two. Nobody reads W. Suppose B Bᵀ = I and R = Bᵀ W. Then B R = W, and Eq. 1 is
# backprop's e W in two hops. `rule.match_to_backprop()` sets B and R so. How far are the updates before, and after?

# %%
import numpy as np
import feedbackalign as fa
fa.blas_threads(1)                                  # one thread of the matrix library: more would spin while they wait
fa.figures.show(fa.figures.schematic("pfa"), "07_schematic")
x, labels = fa.data.digits().batch(960)                         # (960, 64), (960,)

def make(route):
    """A network 64-48-32-10 and product feedback alignment on it, the same every time; mid = 10 · out."""
    net = fa.networks.mlp([64, 48, 32, 10], rng=np.random.default_rng(0), dtype=np.float64)
    return net, fa.rules.make("pfa", net, rng=np.random.default_rng(1), expansion=10, route=route)

net, rule = make("two-hop")
drawn = rule.trace(x, labels)
rule.match_to_backprop()
for row, matched in zip(drawn, rule.trace(x, labels)):
    print(f"{row['layer']}: {row['route']:40} {row['update_angle']:3.0f}° off, matched {matched['update_angle']:.0e}°")

# %% [markdown]
# ## But no one matches them
#
# R starts at random, and the path B R 90° from W. By Eq. 3, R receives Bᵀ times whatever W receives; decay is the same
# for both. So in D = R − Bᵀ W the gradient cancels, as in lesson 6, and with momentum μ what remains is SGD on D with
# *gradient zero*:
#
#     Eq. 4   v ← μ v + λ D,   D ← D − η v         hence D = c D₀ with one number c, the echo of the start
#
# Does the D of a network that learns digits shrink like a number that has never seen one?

# %%
steps, settings = 700, {"lr": 0.02, "momentum": 0.9, "weight_decay": 0.03}

def learn(route):
    """Train -> network, rule, and at every step ‖D‖ (two-hop only) and the degrees from W to B R, both at fc2."""
    net, rule = make(route)
    optimizer, lengths, angles = fa.optimizer.SGD(**settings), [], []
    for step in range(steps):
        lengths.append(np.linalg.norm(rule.difference(net.layer("fc2"))) if route == "two-hop" else 1.0)
        angles.append(fa.alignment.weight_angles(rule)["fc2"])
        batch = slice(step * 32 % 960, step * 32 % 960 + 32)
        fa.training.train_step(rule, optimizer, x[batch], labels[batch])
    return net, rule, np.array(lengths) / lengths[0], angles
hop_net, hop_rule, lengths, angles = learn("two-hop")
c, alone, echo = np.ones(()), fa.optimizer.SGD(**settings), []
for _ in range(steps):
    echo.append(float(c))
    alone.step({"c": c}, {"c": np.zeros(())})                                                           # Eq. 4
print(f"‖D‖ against the lonely number: off by {np.abs(lengths - echo).max():.0e} at most")
floor = fa.alignment.path_floor(hop_rule.B["fc2"], hop_net.layer("fc2").weight)
with fa.figures.panels("07_echo", "R forgets its start, and the path turns towards W", columns=2) as (left, right):
    left.plot(lengths, color=fa.figures.look("pfa").colour, linewidth=5, label="‖R − BᵀW‖, learning digits")
    left.plot(echo, color="black", linestyle="dashed", label="c, a number under the same SGD")
    right.plot(angles, color=fa.figures.look("pfa").colour, label="W and B·R")
    right.axhline(floor, color="gray", linestyle="dashed", label="W and B·BᵀW")
    left.set(xlabel="step", ylabel="of the start (fc2)", ylim=(0, 1.02))
    right.set(xlabel="step", ylabel="angle at fc2 (degrees)", ylim=(0, 95))
    left.legend()
    right.legend()

# %% [markdown]
# ## What the rule *is*
#
# Put D = c D₀ back into Eq. 1. With G = B Bᵀ and P = B D₀, both computed once,
#
#     Eq. 5   e_in = (e G) W + c e P
#
# This is the whole rule in one line: *backprop through W, its error mixed by G, and a fading echo of a random start*.
# `route="closed-form"` trains by Eq. 5, without R. Does it learn the same W? In the two-hop rule no synapse reads W;
# Eq. 5 reads it to predict where the path ends: c fades, and G stays.
#
# G = B Bᵀ is the identity only on average: with expansion r = mid/out its eigenvalues scatter about 1 with variance
# 1/r. The path ends at G W, and ‖G W − W‖ is about ‖W‖/√r: this is the path's *floor*.
#
#     Eq. 6   ∠(W, B Bᵀ W) = arctan(1/√r)      in wide layers
#
# Guess the angle at r = 1, where the middle population is as large as the output, and at r = 10. What would r have to
# be for 5°? And is there a B of r = 1 with no floor at all?

# %%
closed_net, closed_rule, _, _ = learn("closed-form")
apart = max(np.abs(closed_net.parameters()[name] - array).max() for name, array in hop_net.parameters().items())
print(f"after {steps} steps the networks differ by {apart:.0e}; all that the rule holds is {closed_rule.parameters()}")
W = fa.ops.initialisers.draw((100, 256), np.random.default_rng(0), dtype=np.float64)
expansions, floors, spectra = (1, 2, 5, 10, 30, 100), {}, {}
for r in expansions:
    B = np.random.default_rng(r).uniform(-1, 1, size=(100, 100 * r)) * np.sqrt(3 / (100 * r))       # variance 1/mid
    floors[r], spectra[r] = fa.alignment.path_floor(B, W), fa.alignment.spectrum(B)
    print(f"r = {r:3}: floor {floors[r]:4.1f}°, eigenvalues 1 ± {spectra[r].std():.2f} (1/√r = {1 / np.sqrt(r):.2f})")
floors["orthogonal"] = fa.alignment.path_floor(fa.ops.initialisers.orthogonal((100, 100), np.random.default_rng(0)), W)
with fa.figures.panels("07_floor", "The path's floor is the scatter of B·Bᵀ about I") as axes:
    r = np.geomspace(1, 100)
    axes.semilogx(r, np.degrees(np.arctan(1 / np.sqrt(r))), color="gray", label="arctan(1/√r)")
    axes.semilogx(expansions, [floors[r] for r in expansions], "o", label="measured, random B")
    axes.semilogx([1], [floors["orthogonal"]], "*", markersize=16, label="measured, orthogonal B")
    axes.set(xlabel="expansion r", ylabel="angle of W and B·BᵀW (degrees)", ylim=(-2, 50))
    axes.legend()

# %% [markdown]
# All together on the digits: random B with r = 10 (`"pfa"`), orthogonal B with r = 1 (`"pfa-o"`), `"fa"` and `"bp"`.

# %%
rows = fa.compare(["bp", "fa", "pfa", "pfa-o"], seeds=2, epochs=30)
fa.figures.show(fa.figures.path_alignment(rows), "07_path_alignment")
end = {row["rule"]: (row["test_accuracy"], row["weight_angle"]["fc2"], row["backprop_angle"]["fc1.weight"])
       for row in rows if row["epoch"] == 30 and row["seed"] == 0}
for name, (right, path, update) in end.items():
    print(f"{name:6} {right:.3f} right; feedback of fc2 {path:3.0f}° from W; update of fc1 {update:3.0f}° from bp's")

# %% [markdown]
# The path comes to rest near 18° with a random B and goes on to about 9° with an orthogonal one, where the echo alone
# is in its way; the updates of `fc1` end about 13° and about 3° from backprop's. No synapse was ever another's copy.
#
# ## Three hops of 18°, and 13° at the end?
#
# If each hop made a mistake of its own, the cosines would multiply (lesson 5): 18°, 24°, 30°. Take the trained network,
# five *other* random B, and R = Bᵀ W: every hop has its floor, and W cannot have turned towards B.

# %%
run = fa.Run("pfa", epochs=30)                                          # seed 0 of the runs above, once more
pupil, digits, sgd, order = run.build()
fa.training.train(pupil, digits, sgd, epochs=30, rng=order, decay_at=run.decay_at(pupil))
batch, fc3, others = digits.batch(200), pupil.network.layer("fc3"), []
for draw in range(5):
    other = fa.rules.make("pfa", pupil.network, rng=np.random.default_rng(draw), route="two-hop")
    for layer in pupil.network.weighted_layers():
        other.set_feedback(layer.name, R=other.B[layer.name].T @ layer.weight)
    others.append(fa.alignment.delta_angles(other, *batch))
hops = np.array([np.mean([each[name] for each in others]) for name in ("fc3", "fc2", "fc1")])
pupil.gradients(*batch)
mistake = fc3.error @ pupil.B["fc3"] @ pupil.B["fc3"].T - fc3.error                                     # e (G − I)
gains = [np.linalg.norm(sent @ fc3.weight) / np.linalg.norm(sent) for sent in (fc3.error, mistake)]
print(f"after 1, 2, 3 hops {hops.round()}°; W makes the error {gains[0]:.1f}, a mistake {gains[1]:.1f} times as long")

# %% [markdown]
# It is 18°, 17°, 17°: the mistakes do not add up. A trained W carries what it has learned to carry. It makes the error
# 1.6 times as long, and the mistake of the hop above 0.4 times: mistakes of all hops but the last are filtered out.
# And towards its *own* B, W has turned a little more.
#
# ## Is it so?

# %%
assert max(row["update_angle"] for row in rule.trace(x, labels)) < 1e-5
assert np.abs(lengths - echo).max() < 1e-12 and apart < 1e-9 and list(closed_rule.parameters()) == ["pfa.echo"]
assert np.allclose([angles[0], angles[-1]], [90, floor], atol=3) and floors["orthogonal"] < 1e-5
for r in expansions:
    assert abs(floors[r] - np.degrees(np.arctan(1 / np.sqrt(r)))) < 1.2 and abs(spectra[r].var() * r - 1) < 0.15
assert abs(end["pfa"][1] - 18) < 3 and abs(end["pfa-o"][1] - 9) < 3 and end["fa"][1] > 75
assert abs(end["pfa"][2] - 13) < 8 and abs(end["pfa-o"][2] - 3) < 3 and end["fa"][2] > 40
assert np.allclose(np.cos(np.radians(17.5)) ** [1, 2, 3], np.cos(np.radians([18, 24, 30])), atol=0.01)
assert np.allclose(hops, [18, 17, 17], atol=3) and abs(gains[0] - 1.6) < 0.2 and abs(gains[1] - 0.4) < 0.15

# %% [markdown]
# ## Exercises
#
# **7.1** is all that one layer does in the learning phase. **7.2** is the echo: no data is among its arguments.
#
# **7.3** `"pfa-i"` has the identity for B. Which rule of lesson 6 is it then? Compare their W, from equal starts.
#
# **7.4** Train `"pfa"` with `fa.optimizer.Adam` and `route="two-hop"`. Where does the path end? Which line of the
# derivation of Eq. 4 fails? And what does `route="closed-form"` say?
#
# **7.5** How far from the identity may G be? Give `"pfa-i"` diagonal B with entries spread more and more, and train.

# %%
def product_feedback(x, error, weight, B, R):
    """Exercise 7.1. Send the error down in two hops, and find both gradients (equations 1 to 3).

    x (N, in), error (N, out), which holds its 1/N, weight (out, in), B (out, mid), R (mid, in).
    Return (e_in, ∂W, ∂R) of shapes (N, in), (out, in), (mid, in). Not every argument is needed.
    """
    raise NotImplementedError

fa.exercise("7.1", product_feedback)

# %%
def echo_of_the_start(lrs, decays, momentum):
    """Exercise 7.2. c after every step of SGD with momentum (equation 4), from c = 1 and v = 0.

    lrs and decays (steps,): η and λ of each step; momentum μ, a number. Return c after each step, (steps,).
    """
    raise NotImplementedError

fa.exercise("7.2", echo_of_the_start)

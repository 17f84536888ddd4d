# %% [markdown]
# # 22. How few synapses lead an error down?
#
# *Papers: Li, Benna 2024, arXiv 2405.20594. 15 minutes to read, 30 to do. Know before: lessons 3, 7 and 8.*
#
# Product feedback needs no pair of neurons with synapses both ways (lesson 8), but it needs many synapses: B and R
# together have ten times as many as W and more. A cortex is sparse. So take most of them away, and see what is left of
# the path that leads an error down. Keep each synapse of B and of R with probability d (`density=d`), the masks fixed;
# what is left of B is scaled up, so that B Bᵀ is still the identity on average.
#
# Once R has forgotten its start, it is Bᵀ W where it has synapses, and the path B R is a sum over the survivors. The
# terms that W_oi itself has in it keep a share d of their sum. The cross-talk from other units, whose variance was
# ‖W‖²/r (lesson 7), keeps a share d of its *variance*:
#
#     Eq. 1   B R = d W + noise,   ‖noise‖ = √(d/r) ‖W‖
#     Eq. 2   path angle = arctan(1/√(r d)),     ‖B R‖ / ‖W‖ = √(d² + d/r)
#
# At r = 10, what is the path's angle with one synapse in ten left, and would you still expect the network to learn?

# %%
import numpy as np

import feedbackalign as fa

fa.blas_threads(1)                                  # one thread of the matrix library: more would spin while they wait
fa.figures.show(fa.figures.schematic("pfa"), "22_schematic")
digits = fa.data.digits().standardised()
densities, r, seeds = (1.0, 0.3, 0.1, 0.05), 10, (1, 2)
layers = ("fc1", "fc2", "fc3")


def law(d):
    """Eq. 2: degrees from W to the path, and the path's length over W's."""
    return np.degrees(np.arctan(1 / np.sqrt(r * d))), np.sqrt(d * d + d / r)


def train(name, seed, **options):
    """SGD with the decay that lets R forget its start -> (the rule, the row of the last epoch)."""
    net = fa.networks.mlp([64, 64, 64, 10], rng=np.random.default_rng([seed, 0]))
    rule = fa.rules.make(name, net, rng=np.random.default_rng([seed, 1]), **options)
    decay_at = fa.optimizer.decay_schedule("equal", strong_first=True, lr=0.02, momentum=0.9)
    sgd, order = fa.optimizer.SGD(lr=0.02, momentum=0.9), np.random.default_rng([seed, 2])
    return rule, fa.training.train(rule, digits, sgd, epochs=40, rng=order, decay_at=decay_at)[-1]


trained = {(name, d): [train(name, seed, density=d) for seed in seeds] for name in ("pfa", "fa") for d in densities}
nothing_sent = np.mean([train("top-only", seed)[1]["test_accuracy"] for seed in seeds])


def mean(name, d, key, part=None):
    """Mean over seeds of what the last rows say: mean("pfa", 0.1, "weight_angle", "fc2")."""
    return np.mean([row[key] if part is None else row[key][part] for _, row in trained[name, d]])


for d in densities:
    paths = "  ".join(f"{layer} {mean('pfa', d, 'weight_angle', layer):.0f}° {mean('pfa', d, 'norm_ratio', layer):.2f}"
                      for layer in layers)
    print("d = {:4}: path {}, law {:.0f}° {:.2f};".format(d, paths, *law(d)), f"right: pfa "
          f"{mean('pfa', d, 'test_accuracy'):.3f}, fa {mean('fa', d, 'test_accuracy'):.3f}; update of fc1: pfa "
          f"{mean('pfa', d, 'backprop_angle', 'fc1.weight'):.0f}°, fa "
          f"{mean('fa', d, 'backprop_angle', 'fc1.weight'):.0f}°")
print(f"nothing sent: {nothing_sent:.3f} right; with fa at d = 0.1 B is {mean('fa', 0.1, 'weight_angle', 'fc2'):.0f}° "
      "from W of fc2")

# %%
title = "Few synapses, none of them reciprocal: the path still leads down"
with fa.figures.panels("22_sparse", title, columns=2) as (left, right):
    line = np.geomspace(0.04, 1)
    left.semilogx(line, law(line)[0], color="gray", label="arctan(1/√(r d))")
    for layer, mark in zip(layers, "vos"):
        left.semilogx(densities, [mean("pfa", d, "weight_angle", layer) for d in densities], mark, label=layer)
    for name in ("pfa", "fa"):
        look = fa.figures.look(name)
        right.semilogx(densities, [mean(name, d, "backprop_angle", "fc1.weight") for d in densities], label=name,
                       color=look.colour, marker=look.marker, linestyle=look.dash)
    for axes, what in [(left, "angle of W and B·R (degrees)"), (right, "update of fc1 to backprop's (degrees)")]:
        axes.set(xlabel="density d of the feedback", ylabel=what, ylim=(0, 95), xticks=densities, xticklabels=densities)
        axes.legend()

# %% [markdown]
# One synapse in ten, and the path is 44° from W, half way to knowing nothing; the update of `fc1` is 36° from the
# gradient, and 96 % are right, where 89 % are when nothing is sent. Feedback alignment comes almost as near, 39°, by
# another way: its B stays 71° from W, but W has turned to meet it where the errors are (lesson 3). At full density two
# hops are far better, 12° against 34°; what they keep when they are sparse is that no pair is reciprocal.
#
# ## A path that is better than its law
#
# At d = 0.05 the law says 55° and a length of 0.09. In `fc1` that is nearly so, but in `fc2` it is 46° and 0.17, twice
# as long. Have the survivors been lucky? Then other masks on the same trained W would be as good. Draw five.


# %%
def with_other_masks(rule, d, draw, layer="fc2"):
    """Degrees and length of the path through another B and other masks, on the same trained W."""
    other = fa.rules.make("pfa", rule.network, rng=np.random.default_rng(draw), density=d)
    W, B, mask = rule.network.layer(layer).weight, other.constants()[f"{layer}.B"], other.masks()[f"{layer}.R"]
    path = B @ (mask * (B.T @ W))                               # (out, mid) x (mid, in) -> (out, in)       Eq. 1
    return fa.alignment.angle(W, path), np.linalg.norm(path) / np.linalg.norm(W)


own = {layer: (mean("pfa", 0.05, "weight_angle", layer), mean("pfa", 0.05, "norm_ratio", layer)) for layer in layers}
others = {layer: np.mean([with_other_masks(rule, 0.05, draw, layer) for rule, _ in trained["pfa", 0.05]
                          for draw in range(5)], axis=0) for layer in layers}
for layer in layers:
    print("d = 0.05, {}: own path {:.0f}° {:.2f};".format(layer, *own[layer]),
          "other masks {:.0f}° {:.2f}; law {:.0f}° {:.2f}".format(*others[layer], *law(0.05)))

# %% [markdown]
# Through other masks it is 60° and 0.10: nearly the law again, which is for many outputs. So W has *turned* towards its
# own path, as it turns towards B in feedback alignment. Eq. 1 takes W for a matrix that knows nothing of the masks; a W
# that has learned through them does, and the cross-talk adds up to something that W has taken over. In `fc3`, of ten
# outputs, it is 35° on its own path and 71° on others. `fc1` is the control: its path carries no error, W has not
# learned through it, and own and other masks give the same. The price of all this is paid in cells: a middle population
# ten times the size of the layer that it speaks for.
#
# ## Is it so?

# %%
for d in (1.0, 0.3, 0.1):
    assert abs(mean("pfa", d, "weight_angle", "fc2") - law(d)[0]) < 4
    assert abs(mean("pfa", d, "norm_ratio", "fc2") - law(d)[1]) < 0.08
assert min(mean(*key, "test_accuracy") for key in trained) > 0.9 and abs(nothing_sent - 0.89) < 0.03
assert abs(mean("pfa", 0.1, "test_accuracy") - 0.96) < 0.02 and abs(mean("fa", 0.1, "weight_angle", "fc2") - 71) < 6
for name, d, about in [("pfa", 1.0, 12), ("fa", 1.0, 34), ("pfa", 0.1, 36), ("fa", 0.1, 39)]:
    assert abs(mean(name, d, "backprop_angle", "fc1.weight") - about) < 7
assert np.allclose(law(0.05), [54.7, 0.087], rtol=0.01) and abs(mean("pfa", 0.05, "norm_ratio", "fc1") - 0.1) < 0.03
assert np.allclose(own["fc2"], [46, 0.17], atol=[6, 0.03]) and np.allclose(others["fc2"], [60, 0.10], atol=[4, 0.02])
assert abs(own["fc3"][0] - 35) < 8 and abs(others["fc3"][0] - 71) < 6 and abs(own["fc1"][0] - others["fc1"][0]) < 5

# %% [markdown]
# ## Exercises
#
# **22.1** The path, as it is once R has forgotten its start. **22.2** What Eq. 2 expects of it.
#
# **22.3** Keep r d = 10: train `"pfa"` with `expansion=100, density=0.1`. What should Eq. 2 give for the angle and the
# length, and what do you find? Fewer digits are right, hardly more than with `"top-only"`: what has become too short?
#
# **22.4** Give a trained network a rule with other masks, R = Bᵀ W where there are synapses, and train on for five
# epochs. The update of `fc1` is farther from backprop's, and stays there. Why does W not turn to its new path, as it
# had turned to the old one?


# %%
def sparse_path(weight, B, mask):
    """Exercise 22.1. The path of sparse product feedback once R has forgotten its start (equation 1).

    weight (out, in), B (out, mid), mask (mid, in) booleans, True where R has a synapse. There R is Bᵀ W, elsewhere it
    is zero. Return what stands in the place of W on the way down, B R, (out, in).
    """
    raise NotImplementedError


fa.exercise("22.1", sparse_path)


# %%
def expected_path(expansion, density):
    """Exercise 22.2. The angle and the length that a sparse path is expected to have (equation 2).

    expansion r, how many units the middle population has for each output, and density d are numbers. Return the angle
    between W and B R in degrees, and ‖B R‖ / ‖W‖.
    """
    raise NotImplementedError


fa.exercise("22.2", expected_path)

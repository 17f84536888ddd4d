# %% [markdown]
# # 17. What do the weights tell, if nobody looks at a gradient?
#
# *Papers: Rieck et al. 2019, arXiv 1812.09764. 15 minutes to read, 30 to do. Know before: lesson 1.*
#
# All measures so far compared gradients. Here is one that looks at weights alone. Take a layer as a graph: its units
# are points, its weights are edges of strength |w|. At first there are only points. Let the edges arrive, the strongest
# first. Most edges come too late: their two ends are in one part already. N − 1 of them join two parts. They make a
# tree, and their strengths t_1 ≥ t_2 ≥ … are what *neural persistence* is made of:
#
#     Eq. 1   NP = √ mean_i (1 − t_i / max|w|)²                  0: all join at once, 1: one weight is all there is
#
# **Guess**, before you run the cell: which of the edges below are in the tree? And how many?

# %%
import numpy as np

import feedbackalign as fa
from feedbackalign import persistence

fa.blas_threads(1)                                  # one thread of the matrix library: more would spin while they wait
edges = fa.figures.filtration_rows()                            # of a matrix (5, 4), from the strongest on
fa.figures.show(fa.figures.filtration(edges), "17_forest")
W = np.zeros((5, 4))
for edge in edges:
    W[edge["output"], edge["input"]] = edge["strength"]

part, tree = list(range(9)), []                                 # every unit is a part: 5 outputs, then 4 inputs
for edge in edges:
    one, other = part[edge["output"]], part[5 + edge["input"]]
    if one != other:                                            # it joins two parts
        part = [one if each == other else each for each in part]
        tree.append(edge["strength"])
by_hand = np.sqrt(np.mean((1 - np.array(tree) / max(tree))**2))
print(f"{len(tree)} edges join parts, NP by hand {by_hand:.3f}, by the package {persistence.neural_persistence(W):.3f}")

# %% [markdown]
# ## Is it the arrangement, or only the sizes?
#
# Eq. 1 was proposed as a measure of what a network has learnt. Does it see *where* the strong weights stand, or only
# how strong they are? Two experiments of thought say how to find out. Shuffle the weights of a layer: what remains is
# due to their sizes. And move them to the best and the worst places: if the N − 1 largest form a tree, NP is as low as
# it can be; if they fill a square block, most of them are wasted inside one part, and NP is as high as it can be.
#
#     Eq. 2   position = (NP − mean NP of shuffles) / (high − low)

# %%
def trained(*hidden, epochs=30, seed=0, **more):
    """A ReLU network with backprop on the digits, pixels in [0, 1]: -> (network, rows)."""
    rng = np.random.default_rng(seed)
    network = fa.networks.mlp([64, *hidden, 10], init="xavier-normal", rng=rng)
    rule = fa.rules.make("bp", network, rng=rng)
    rows = fa.training.train(rule, fa.data.digits(), fa.optimizer.Adam(1e-3), epochs=epochs, persistence=True,
                             rng=np.random.default_rng(seed), **more)
    return network, rows


linear, deep = trained(), trained(100, 100, 100)
layers = {"linear": linear[1][-1]["persistence"]["layers"]["fc1"]}
layers |= {f"deep {name}": row for name, row in deep[1][-1]["persistence"]["layers"].items()}
matrices = [linear[0].layer("fc1").weight, *(layer.weight for layer in deep[0].weighted_layers())]
with fa.figures.panels("17_position", "The linear layer is arranged, those of the deep network hardly") as axes:
    for place, (row, V) in enumerate(zip(layers.values(), matrices)):
        NP = persistence.neural_persistence(V)
        axes.plot([place, place], [row["low"], row["high"]], color="#b4b4b4", linewidth=12, solid_capstyle="butt",
                  label="all arrangements" if not place else None)
        axes.plot(place, NP, "o", color="#bf0b00", markersize=12, label="as trained" if not place else None)
        axes.plot(place, NP - row["shuffle_gap"], "_", color="black", markersize=30, markeredgewidth=3,
                  label="mean of 20 shuffles" if not place else None)
    axes.set_xticks(range(len(layers)), layers)
    axes.set(ylabel="neural persistence", ylim=(0, 1))
    axes.legend(ncol=3, loc="upper center")
positions = {name: row["position"] for name, row in layers.items()}
print("position:", {name: f"{position:+.3f}" for name, position in positions.items()})

# %% [markdown]
# The linear classifier has a little structure: some pixels matter, and the strong weights gather there. In the deep
# network a layer is hardly told from its own shuffles. What its persistence follows is the few largest weights.
#
# ## It is not a property of the function
#
# Multiply `fc1` of a ReLU network by 5 and divide `fc2` by 5: every answer stays. And triple one single weight.

# %%
weights = [layer.weight.astype(np.float64) for layer in deep[0].weighted_layers()]
scaled = [5 * weights[0], weights[1] / 5, *weights[2:]]
one_larger = weights[0].copy()
one_larger.ravel()[np.abs(one_larger).argmax()] *= 3
network_np = [persistence.network_persistence(each)[0] for each in (weights, scaled)]
layer_np = [persistence.neural_persistence(each) for each in (weights[0], one_larger)]
print(f"rescaled: NP of the network {network_np[0]:.3f} -> {network_np[1]:.3f}")
print(f"one weight of {weights[0].size} tripled: NP of fc1 {layer_np[0]:.3f} -> {layer_np[1]:.3f}")

# %% [markdown]
# ## Paths instead of layers
#
# *Deep graph persistence* (Girrbach et al. 2023, arXiv 2307.10865) repairs the first of these. It standardises every
# layer, and asks for the best *path* from an input to an output. A path is as strong as its weakest edge:
#
#     Eq. 3   Z_k = |W_k − mean| / std, over the largest Z of all layers
#     Eq. 4   S_ij = max over paths i → … → j of min over its edges of Z          DGP = NP of S
#
# Eq. 4 is a product of matrices, with max for + and min for ·.

# %%
S = persistence.summary_matrix(weights)                         # (64, 10): inputs × outputs
dgp = [persistence.deep_graph_persistence(each) for each in (weights, scaled)]
print(f"best paths: {S.shape}, DGP {dgp[0]:.3f} -> {dgp[1]:.3f}")

# %% [markdown]
# ## Does the learning rule show?
#
# Backprop and two rules of this course, the same starts and batches. The last column puts backprop's own weights, by
# rank, into the places of the other rule's: only the places differ.

# %%
rules = ("bp", "fa", "pfa")
rows = [row for row in fa.figures.topology_rows(seeds=2, epochs=8, rules=rules) if row["epoch"] == 8]
shown = {rule: np.array([[row["np"], row["matched"]["np"]] for row in rows if row["rule"] == rule]) for rule in rules}
for rule, values in shown.items():
    print(f"{rule:4} NP of two seeds {values[:, 0].round(3)}   with backprop's weights {values[:, 1].round(3)}")
gaps = np.abs([values - shown["bp"] for values in shown.values()]).max(axis=(0, 1))
between_seeds = np.ptp(shown["bp"][:, 0])
print(f"largest gap to backprop: {gaps[0]:.2f}, with its weights {gaps[1]:.3f}; between its seeds {between_seeds:.2f}")

# %% [markdown]
# The differences between the rules are differences in sizes: at most 0.12, less than the 0.18 between backprop's two
# seeds. At equal sizes they are gone. (`feedbackalign figure topology` has five seeds, and one more rule.)
#
# ## Two uses
#
# *Stop early, without labels*: when NP no longer grows. And *notice that the data changed*: weight every edge by what
# flows through it for one sample, and compare the trees of new samples with those of the training set.

# %%
stopped = {}
for name, hidden in [("linear", ()), ("100", (100,))]:
    rows = trained(*hidden, epochs=30, stop=persistence.EarlyStopping(patience=4))[1]
    stopped[name] = rows[-1]["epoch"], 100 * rows[-1]["test_accuracy"]
    print(f"{name}: stopped after {stopped[name][0]} of 30 epochs at {stopped[name][1]:.0f} %")
best = 100 * max(row["test_accuracy"] for row in linear[1])
print(f"linear, all 30 epochs: {best:.0f} %")

seen = {}
for row in fa.figures.detection_power_rows(seeds=1, bootstraps=30, noise=(0.0, 0.1), others=[("salt and pepper", 0.1)],
                                           witnesses=("softmax", "dgp_var")):
    seen[row["corruption"], row["strength"], row["witness"]] = row["power"]
print("batches rejected:", {f"{what} {size:g}, {by}": f"{power:.0%}" for (what, size, by), power in seen.items()})

# %% [markdown]
# Stopping is erratic: it ends the linear classifier at 74 %, long before its 92 %. Noise is seen far better by the
# paths than by the output's softmax. Salt and pepper is not: there the softmax is better.
#
# ## Is it so?

# %%
assert len(tree) == 8 and abs(by_hand - persistence.neural_persistence(W)) < 1e-12
assert positions["linear"] > 0.06 > max(abs(position) for name, position in positions.items() if name != "linear")
assert abs(network_np[1] / network_np[0] - 1) > 0.2 and abs(dgp[1] - dgp[0]) < 1e-12
assert layer_np[1] - layer_np[0] > 0.2
assert gaps[1] < 0.1 * gaps[0], "with equal weights the rules are alike"
assert abs(gaps[0] - 0.12) < 0.02 and abs(between_seeds - 0.18) < 0.02
assert stopped["linear"][0] < 15 and abs(stopped["linear"][1] - 74) < 4 and abs(best - 92) < 2
assert seen["noise", 0.1, "dgp_var"] > 0.6 > 0.3 > seen["noise", 0.1, "softmax"]
assert max(seen["noise", 0.0, by] for by in ("softmax", "dgp_var")) < 0.1
assert seen["salt and pepper", 0.1, "dgp_var"] < seen["salt and pepper", 0.1, "softmax"]

# %% [markdown]
# ## Exercises
#
# **17.1** and **17.2** stand below, coded.
#
# **17.3** Train `bp` with a decay of 1e-4 and of 0.03, as `fa.compare(["bp"], decay=…, persistence=True)`. Which of the
# two has the larger position? What does strong decay do to the rank of W?
#
# **17.4** The black rim of the digits: weights of inputs that are always 0 stay as they were drawn. Leave them out.
# What is left of the linear classifier's position?

# %%
def persistence_of_tree(tree, maximum):
    """Exercise 17.1. The neural persistence of a layer within its network (equation 1).

    tree (N − 1,) are the edges of the layer's tree, descending and not yet divided by anything; maximum is the largest
    |w| of the whole network. Return NP, a number.
    """
    raise NotImplementedError


fa.exercise("17.1", persistence_of_tree)

# %%
def best_paths(W1, W2):
    """Exercise 17.2. The strength of the best path from every input to every output of two layers (equations 3, 4).

    W1 (hidden, in), W2 (out, hidden). The deviation is over all weights of a layer, as NumPy's `std` has it. Return
    S, (in, out).
    """
    raise NotImplementedError

fa.exercise("17.2", best_paths)

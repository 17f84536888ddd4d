# %% [markdown]
# # 8. Does any pair of neurons need synapses in both directions?
#
# *Papers: Li, Benna 2024, arXiv 2405.20594; Song et al. 2005, PLoS Biology 3, e68. 15 minutes to read, 30 to do. Know
# before: lesson 7.*
#
# In cortex some pairs of neurons reach each other directly, more than chance would give, and many are connected one
# way only. What does each rule ask for? Take a forward synapse from unit i to unit o, and look for a *direct*
# feedback synapse from the error of o back to i. `fa.alignment.reciprocity` counts them:
#
#     share          the part of the connected forward pairs that have such a feedback synapse too
#     correlation    of the two weights, over the pairs that have both
#
# Make a table of your guesses, a share for each of `bp`, `usf`, `fa`, `kp`, `dfa`, `pfa` and `pfa-i`. Does training
# change any share? And which correlations does it change?

# %%
import numpy as np

import feedbackalign as fa

fa.blas_threads(1)                                  # one thread of the matrix library: more would spin while they wait
fa.figures.show(fa.figures.schematic("pfa"), "08_schematic")    # which pairs of units have arrows both ways?
digits = fa.data.digits().standardised()

def network(seed, density=1.0):
    """64-64-64-10 with ReLU; `density` is the share of forward synapses that exist."""
    rng = np.random.default_rng([seed, 0])
    fc = [fa.layers.Linear(*sizes, density=density, rng=rng) for sizes in [(64, 64), (64, 64), (64, 10)]]
    return fa.networks.Network([fc[0], fa.layers.ReLU(), fc[1], fa.layers.ReLU(), fc[2]])

def train(rule, seed=0, epochs=40):
    """SGD with the decay that lets learned feedback forget its start: -> the row of the last epoch."""
    decay_at = fa.optimizer.decay_schedule("equal", strong_first=True, lr=0.02, momentum=0.9)
    sgd, rng = fa.optimizer.SGD(lr=0.02, momentum=0.9), np.random.default_rng([seed, 2])
    return fa.training.train(rule, digits, sgd, epochs=epochs, rng=rng, decay_at=decay_at)[-1]

names, counted = ("bp", "usf", "fa", "kp", "dfa", "pfa", "pfa-i"), {}
for name in names:
    rule = fa.rules.make(name, network(0), rng=np.random.default_rng([0, 1]))
    before, row, after = fa.alignment.reciprocity(rule), train(rule), fa.alignment.reciprocity(rule)
    counted[name] = {layer: (share, before[layer][1], correlation) for layer, (share, correlation) in after.items()}
    share, start, end = counted[name]["fc2"]
    print(f"{name:6} fc2: share {share:.0f}, correlation {start:5.2f} -> {end:5.2f}    top layer: share "
          f"{counted[name]['fc3'][0]:.0f}    {row['test_accuracy']:.3f} right")

title = "Who needs both synapses of a pair, and how alike they become (fc2)"
with fa.figures.panels("08_reciprocity", title) as axes:
    share, start, end = np.array([counted[name]["fc2"] for name in names]).T                # (7,) each
    places = np.arange(len(names))
    axes.bar(places, share, color="#dddddd", label="share of pairs that have both")
    axes.plot([places, places], [start, end], color="#777777")
    axes.plot(places, start, "o", color="white", markeredgecolor="black", label="correlation at the start")
    axes.plot(places, end, "o", color="black", label="correlation after training")
    for place in places[share == 0]:
        axes.text(place, 0.02, "no such pair", ha="center")
    axes.set(xticks=places, xticklabels=names, yticks=[0, 0.5, 1], ylim=(-0.08, 1.3))
    axes.legend(loc="upper right", ncol=3)

# %% [markdown]
# Every rule that comes close to backprop by a *direct* synapse has a share of 1. Direct feedback alignment is
# reciprocal in the top layer alone, for elsewhere its feedback comes from units that the pair does not project to. In
# product feedback alignment no synapse of B or R connects o with i: its share is 0, at any size and before any
# pruning, and what acts in W's place is no synapse at all. With the identity for B (`pfa-i`) the middle population
# copies the output units one to one, and we are strict: a copy counts.
#
# ## Why it cannot be done directly
#
# Suppose that we forbid such pairs, but keep direct feedback. The inner product behind the angle of W and B is a sum
# over synapses, and a term is there only where both exist:
#
#     Eq. 1   cos ∠(W, B) = Σ W_oi B_oi / (‖W‖ ‖B‖),    sum over the pairs that have both
#
# With no such pair the angle is 90°, for every W and B, whatever they learn. Let half of all forward synapses exist,
# and put the feedback of feedback alignment on the other half. Guess: will it still learn the digits? And how good is
# this network when its hidden layers never learn, `"top-only"`?

# %%
one_way = fa.rules.make("fa", network(0, density=0.5), rng=np.random.default_rng([0, 1]))
for layer in one_way.network.weighted_layers():
    one_way.set_feedback(layer.name, B=np.where(layer.mask, 0, one_way.constants()[f"{layer.name}.B"]))
both_ways = fa.rules.make("fa", network(0, density=0.5), rng=np.random.default_rng([0, 1]))
learned = {"where W is not": train(one_way), "anywhere": train(both_ways)}
for where, row in learned.items():
    weight, update = row["weight_angle"]["fc2"], row["backprop_angle"]["fc2.weight"]
    print(f"B {where:15} fc2: B is {weight:.1f}° from W, update {update:.0f}° from backprop's, "
          f"{row['test_accuracy']:.3f} right")
nothing_sent = train(fa.rules.make("top-only", network(0, density=0.5)))["test_accuracy"]
print(f"nothing sent: {nothing_sent:.3f} right")

# %% [markdown]
# With nothing sent 77 % are right, with B where W is not 95 %, with B anywhere 96 %. So the hidden layers do learn,
# even by updates at 83°: units whose errors go together can stand in for one another. But the weights never come nearer
# than 90° to the feedback, and no learning of B could help: the same holds for Kolen-Pollack and the mirror.
#
# Two hops are not bound by Eq. 1, since the path B R joins o with i over every unit of the middle population that
# speaks to i and hears o. Lesson 22 takes most of these synapses away.
#
# ## Is it so?

# %%
assert [counted[name]["fc2"][0] for name in names] == [1, 1, 1, 1, 0, 0, 1]
assert [counted[name]["fc3"][0] for name in names] == [1, 1, 1, 1, 1, 0, 1]
assert all(abs(counted[name]["fc2"][1]) < 0.1 and counted[name]["fc2"][2] > 0.95 for name in ("kp", "pfa-i"))
assert abs(learned["where W is not"]["weight_angle"]["fc2"] - 90) < 1e-3
assert learned["anywhere"]["weight_angle"]["fc2"] < 86
right = [nothing_sent, learned["where W is not"]["test_accuracy"], learned["anywhere"]["test_accuracy"]]
assert np.allclose(right, [0.77, 0.95, 0.96], atol=0.03)
assert abs(learned["where W is not"]["backprop_angle"]["fc2.weight"] - 83) < 6

# %% [markdown]
# ## Exercises
#
# **8.1** Count for yourself.
#
# **8.2** A synapse that does not exist must not grow. Where does the mask belong?
#
# **8.3** Derive the second half of Eq. 1 of lesson 22: what is the variance of Σ_m B_om k_mi B_pm for p ≠ o, with k a
# mask of density d? Then mask B alone (`rule.set_feedback`, and `expansion` as it was): why does the floor stay where
# it was?
#
# **8.4** Train `"pfa"` on `network(0, density=0.5)` for 20 epochs. The path stays further from W than its floor. How
# much of B R lies on synapses that W does not have, and how far from W is the rest? (R receives ∂W before any mask.
# Nothing tells that part of it when it is wrong: a longer run may even diverge.)
#
# **8.5** Count the synapses: W, and B and R together, for a layer of 64 to 64 at r = 10. At which d does product
# feedback need no more synapses than Kolen-Pollack, and what does Eq. 2 of lesson 22 say there?

# %%
def count_reciprocal(weight, feedback):
    """Exercise 8.1. Share and correlation of reciprocal pairs, from two arrays (out, in) in which 0 is no synapse.

    Return (share, correlation): the part of the pairs with a forward synapse that have a feedback synapse too, and
    Pearson's correlation of the two weights over the pairs that have both.
    """
    raise NotImplementedError

fa.exercise("8.1", count_reciprocal)

# %%
def masked_step(R, mask, B, error, x, lr, decay):
    """Exercise 8.2. One step of SGD for the sparse R of product feedback alignment, without momentum.

    R (mid, in), mask (mid, in) booleans, B (out, mid), error (N, out), which holds its 1/N, x (N, in), η and λ.
    The gradient is (e B)ᵀ x, decay is added to it; return the new R, zero where no synapse exists.
    """
    raise NotImplementedError

fa.exercise("8.2", masked_step)

# %% [markdown]
# # 11. How do you ask a question of your own?
#
# *Papers: Lillicrap et al. 2016, arXiv 1411.0247. 20 minutes to read, 45 to do. Know before: lessons 3 and 5.*
#
# By writing a rule. Here is a question to practise on. Feedback alignment sends an error of 64 units down through a
# random matrix B of 64 times 64 numbers. How much of that is needed? Squeeze the error through a bottleneck of a few
# numbers, and let these few be all that the layer below ever hears:
#
#     Eq. 1   few = e U             (N, out) x (out, rank) -> (N, rank)        U, V random and fixed
#     Eq. 2   e_in = few V          (N, rank) x (rank, in) -> (N, in)          so B = U V, a matrix of low rank
#
# With `rank` 1 a whole layer hears one number per sample, and every unit takes a fixed multiple of it. **Guess** the
# accuracy on the digits: feedback alignment comes to 93 %, and `top-only`, which sends nothing, to 76 %.
#
# ## From an empty file
#
# A rule is a class. `ErrorSendingRule` walks the network from the top, takes the local gradients and calls your
# `send_back` at every weighted layer. What if there is none?

# %%
import numpy as np

import feedbackalign as fa
from feedbackalign.check import truths

fa.blas_threads(1)                                  # one thread of the matrix library: more would spin while they wait
net = fa.networks.mlp([64, 32, 10], rng=np.random.default_rng(0))
x, labels = fa.data.digits().batch(50)

class Empty(fa.rules.ErrorSendingRule):
    """Nothing yet."""

try:
    fa.rules.make(Empty, net, rng=np.random.default_rng(1)).gradients(x, labels)
except NotImplementedError as error:
    print(error)

# %% [markdown]
# That is the one method to write. In your editor this is a file of its own; here the lesson writes it, to
# `my_low_rank.py` in the folder of its pictures. In it `layer.draw_weights(rng)` gives weights in W's shape and scale,
# whatever the initialiser; `layer.mix_outputs` and `layer.transport` do Eq. 1 and 2 for dense and convolutional layers
# alike; a keyword of `__init__`, `rank`, becomes a flag of every command; and `sketch` is all that the picture needs.

# %%
MY_RULE = '''"""Feedback through a bottleneck: a layer hears a few numbers about its error, and no more."""

import numpy as np

from feedbackalign.rules import ErrorSendingRule


class LowRankFeedback(ErrorSendingRule):
    """Send the error down through two fixed random matrices, U and V, with `rank` numbers in between."""

    sketch = (("above", "middle", "U", "fixed"), ("middle", "below", "V", "fixed"))

    def __init__(self, network, *, rng, rank=2):
        super().__init__(network, rng=rng)
        self.U, self.V = {}, {}
        for layer in network.weighted_layers():
            W = layer.draw_weights(rng)                                     # (out, in[, kh, kw]), for shape and scale
            U = rng.standard_normal((len(W), rank)) / len(W)**0.5           # (out, rank), columns of length 1, about
            V = rng.standard_normal((rank, *W.shape[1:])) * W.std() * (len(W) / rank)**0.5      # U V as large as W
            self.U[layer.name], self.V[layer.name] = U.astype(W.dtype), V.astype(W.dtype)

    def send_back(self, layer, error):
        few = layer.mix_outputs(error, self.U[layer.name])                  # Eq. 1
        return layer.transport(few, self.V[layer.name])                     # Eq. 2

    def constants(self):
        return {f"{name}.U": U for name, U in self.U.items()} | {f"{name}.V": V for name, V in self.V.items()}

    def feedback_weights(self, name):
        return np.tensordot(self.U[name], self.V[name], axes=1)             # U V, in W's shape
'''
folder = fa.figures.output_folder()
folder.mkdir(parents=True, exist_ok=True)
(folder / "my_low_rank.py").write_text(MY_RULE, encoding="utf-8")
LowRankFeedback = fa.rules.find(f"{folder / 'my_low_rank.py'}:LowRankFeedback")
fa.figures.show(fa.figures.schematic(LowRankFeedback), "11_schematic")

# %% [markdown]
# ## Is it what you think it is?
#
# `feedbackalign check --rules my_low_rank.py:LowRankFeedback`, in that folder, puts the rule to the package's own
# truths, on dense and convolutional networks. The class declares nothing about W, so it is held to reading none of it:
# the errors may not move by a bit when W is replaced by noise. And its `feedback_weights` say what acts in W's place,
# so backprop in a network with these weights must give the same errors. Here is the same check from Python, and then a
# rule that lies. **Guess** which truths it breaks.

# %%
class Liar(LowRankFeedback):
    """Says that it reads nothing of W, and does; its `feedback_weights` are those of the honest rule."""

    def send_back(self, layer, error):
        return super().send_back(layer, error) + 0.1 * layer.transport(error, layer.weight)


verdicts = {kind.__name__: list(truths.rows([kind])) for kind in (LowRankFeedback, Liar)}
for name, found in verdicts.items():
    print(f"{name}: {sum(row['passed'] for row in found)} of {len(found)} truths hold")
    for row in found:
        if not row["passed"]:
            print("   not so:", row["what"])

# %% [markdown]
# ## A row in the comparison
#
# From here on your rule is one of the rules. In a shell:
#
#     feedbackalign compare --rules bp,fa,top-only,my_low_rank.py:LowRankFeedback --rank 2 --epochs 12
#
# and the same from Python, with the table that the command prints. The angles need no line of yours; the column
# path/weight angle is there because of `feedback_weights`.

# %%
rows = fa.compare(["bp", "fa", "top-only", LowRankFeedback], seeds=[0, 1, 2], epochs=12, options={"rank": 2})
fa.table(rows)

RANKS = (1, 2, 4, 8, 16, 32)
at_rank = {rank: fa.compare([LowRankFeedback], seeds=[0, 1, 2], epochs=12, options={"rank": rank}) for rank in RANKS}


def accuracies(rows, rule):
    """Test accuracy in percent after the last epoch, one per seed."""
    return np.array([100 * row["test_accuracy"] for row in rows if row["rule"] == rule and row["epoch"] == 12])

mine = np.array([accuracies(at_rank[rank], "LowRankFeedback") for rank in RANKS])       # (ranks, seeds)
others = {rule: accuracies(rows, rule).mean() for rule in ("bp", "fa", "top-only")}
with fa.figures.panels("11_rank_of_the_feedback", "How many numbers must come back?") as axes:
    axes.plot(RANKS, mine.mean(axis=1), "o-", color="#ca6a00", label="LowRankFeedback, mean of three seeds")
    axes.fill_between(RANKS, mine.min(axis=1), mine.max(axis=1), color="#ca6a00", alpha=0.16, linewidth=0)
    for rule, percent in others.items():
        axes.axhline(percent, color=fa.figures.look(rule).colour, linestyle=fa.figures.look(rule).dash,
                     label="top-only: nothing sent" if rule == "top-only" else rule)
    axes.set(xscale="log", xlabel="rank of the feedback", ylabel="test accuracy (%)", ylim=(50, 100))
    axes.set_xticks(RANKS, [str(rank) for rank in RANKS])
    axes.minorticks_off(), axes.legend(loc="lower right")
print("mean accuracy:", {rule: round(float(percent), 1) for rule, percent in others.items()})
print("by rank:", {rank: round(float(percent), 1) for rank, percent in zip(RANKS, mine.mean(axis=1))})

# %% [markdown]
# One number per layer and sample gives 78.0 %. That looks like much, until you see what *nothing* gives: 76.3 %, for
# the top layer's error is exact in all of these rules, and random features are good ones. So one number is worth less
# than 2 points, which three seeds do not tell from none. Two numbers are worth some 9 points, sixteen some 16, and
# there the rule is near feedback alignment, 92 % against 93 %. A layer needs more of its error than a few numbers.
#
# You have now done what the package is for: a question, thirty lines, a check that could have said no, and a row
# beside published rules *and the baseline*, from the same weights on the same batches.
#
# ## Is it so?

# %%
assert all(row["passed"] for row in verdicts["LowRankFeedback"])
assert [row["passed"] for row in verdicts["Liar"]].count(False) == 6                      # two claims, three networks
assert abs(others["fa"] - 93) < 1.5 and others["bp"] > others["fa"] and abs(others["top-only"] - 76.3) < 1.5
worth = dict(zip(RANKS, mine.mean(axis=1) - others["top-only"]))                        # points above the baseline
assert abs(worth[1]) < 4 and abs(worth[2] - 9) < 3 and abs(worth[16] - 16) < 2 and abs(worth[32] - 16) < 2
assert 25 < len(MY_RULE.splitlines()) < 35
assert all(row["update_angle"]["fc4.weight"] < 1e-6 for row in rows)                    # the top layer's is exact
B = fa.rules.make(LowRankFeedback, net, rng=np.random.default_rng(1)).feedback_weights("fc1")
assert np.linalg.matrix_rank(B) == 2 and B.shape == (32, 64)

# %% [markdown]
# ## Exercises
#
# **11.1** (coded) How near can a feedback of low rank come to W at all? Eckart and Young (1936) know: keep the `rank`
# largest singular values s_i of W. Their best angle is Eq. 3: cos θ = √(s_1² + … + s_rank²) / √(s_1² + s_2² + …).
#
# **11.2** (coded) Let V learn by what is at its synapses, Eq. 4: ∂V = fewᵀ x. You have met this rule in lesson 7: it
# is product feedback alignment with a bottleneck for a middle population.
#
# **11.3** Put 11.2 into `my_low_rank.py`: `parameters` in the place of `constants` for V, `strong_decay_first = True`,
# and `learn_feedback(self, layer, error, local)`. Does the path angle reach Eq. 3's? And the update angle?
#
# **11.4** Run the comparison on convolutions, `--model digits-conv`. Nothing in the file needs to change. Why?

# %%
def best_angle(W, rank):
    """Exercise 11.1. The smallest angle between W and any matrix of this rank (equation 3).

    W (out, in), rank an int of at least 1. Return degrees, a float.
    """
    raise NotImplementedError


fa.exercise("11.1", best_angle)

# %%
def bottleneck_update(error, x, U):
    """Exercise 11.2. The gradient of V when it learns like product feedback's R (equations 1 and 4).

    error (N, out) is the gradient of the mean loss at the layer's output, x (N, in) its input, U (out, rank).
    Return ∂V, (rank, in).
    """
    raise NotImplementedError


fa.exercise("11.2", bottleneck_update)

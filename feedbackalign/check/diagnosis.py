"""Where to look when a gradient is wrong: which arrays, by what factor, and which layers to suspect first.

A mistake in one layer's backward makes the gradients of all layers below it wrong, so the worst number often belongs
to a layer that is right. The topmost wrong gradient is nearest to the mistake. At the next layer with parameters above
it the error was still right. So the mistake lies between the two, or in the wrong gradient itself.

`check_gradients` raises the `GradientError` that says so.
"""

import dataclasses

import numpy as np

from feedbackalign.layers import Residual
from feedbackalign.networks import Network
from feedbackalign.networks.network import inside


class GradientError(AssertionError):
    """A backward pass disagrees with its forward pass; the message says at which layers to look first.

    Attributes
    ----------
    where : str
        The worst entry, `fc1.weight[2, 0]`, or what was done wrong; in a network, of the topmost layer that is wrong.
    given, numerical : float or None
        What the backward pass says there, and what central differences say.
    deviation : float
        |given − numerical| / (|numerical| + atol/rtol); infinite where there is no number to give.
    wrong : dict
        {"fc1.weight": (entries wrong, entries compared), …} of every wrong array.
    """

    def __init__(self, message, *, where="", given=None, numerical=None, deviation=float("inf"), wrong=None):
        super().__init__(message)
        self.where, self.given, self.numerical, self.deviation = where, given, numerical, deviation
        self.wrong = {} if wrong is None else wrong


@dataclasses.dataclass(frozen=True)
class Finding:
    """What comparing one array's gradient found.

    Attributes
    ----------
    name : str
        The array: "fc1.weight" of a network, "weight" or "input" of a layer.
    where, given, numerical, deviation
        The worst entry, as in `GradientError`.
    compared, across, wrong : int
        Entries compared, entries left out because their step crosses a kink, entries beyond the tolerance.
    factor : float or None
        given / numerical where it is the same in all entries; see `common_factor`.
    """

    name: str
    where: str
    given: float
    numerical: float
    deviation: float
    compared: int
    across: int
    wrong: int
    factor: float | None


def common_factor(given, numerical):
    """given / numerical if it is one number for all entries, and not 1; else None. Two arrays (entries,).

    >>> common_factor(np.array([0.5, -1.0, 0.0]), np.array([1.0, -2.0, 0.0]))
    0.5
    >>> common_factor(np.array([0.5, -2.0]), np.array([1.0, -2.0]))
    """
    size = float(np.abs(numerical).max(initial=0.0))
    if np.count_nonzero(numerical) < 2 or not np.isfinite(given).all() or not 1e-6 < size < np.inf:
        return None
    factor = float((given / size) @ (numerical / size)) / float((numerical / size) @ (numerical / size))
    same = np.abs(given - factor * numerical).max() <= 1e-5 * abs(factor) * size
    return factor if same and abs(factor - 1) > 1e-4 else None


def factor_words(factor, N):
    """What a factor common to all entries suggests, for a batch of N.

    >>> print(factor_words(1 / 6, 6))
    6 times too small everywhere: averaged over the batch of 6?
    >>> print(factor_words(-1.0, 6))
    of the wrong sign everywhere
    """
    if factor == 0:
        return "zero everywhere"
    times = max(abs(factor), 1 / abs(factor))
    words = ["of the wrong sign"] if factor < 0 else []
    if times > 1 + 1e-4:
        words.append(f"{times:.4g} times too {'large' if abs(factor) > 1 else 'small'}")
    batch = N > 1 and abs(times / N - 1) < 1e-4
    hint = f": {'summed' if abs(factor) > 1 else 'averaged'} over the batch of {N}?" if batch else ""
    return f"{' and '.join(words)} everywhere{hint}"


def layers_above(layers, name):
    """The layers that the error passes from the top down to the layer of this name, nearest first; None if not there.

    A residual block counts as one layer; a block that holds the layer is named after its inner layers.
    """
    for position, layer in enumerate(layers):
        above = None
        if layer.name == name:
            above = []
        elif isinstance(layer, Residual):
            for branch in (layer.layers, layer.shortcut):
                within = layers_above(branch, name)
                above = above if within is None else [*within, layer]
        if above is not None:
            return [*above, *layers[position + 1:]]
    return None


def owner_of(array):
    """The layer's part of an array's name.

    >>> owner_of("block1.fc2.weight")
    'block1.fc2'
    """
    return array.rpartition(".")[0]


def suspects(network, name, wrong, handed=False):
    """Layers to look at, in words, if the layer of this name is the topmost with wrong gradients.

    `wrong` are the names of all arrays that are wrong; `handed` as in `gradient_error`.
    """
    owners = [owner_of(array) for array in network.parameters()]                            # bottom to top
    if sum(owner_of(array) == name for array in wrong) < owners.count(name):
        return f"{name} itself (its other gradients are right)"
    below = owners[:owners.index(name)]
    in_a_row = not handed and not any(isinstance(layer, Residual) for layer in network.layers)
    if in_a_row and below and below[-1] not in map(owner_of, wrong):
        return f"{name} itself (the layers below get the right error)"
    way = []
    for layer in layers_above(network.layers, name):
        way.append(layer.name)
        leaves = name.startswith(f"{layer.name}.")          # the way leaves this block: what is in it is not above
        if not leaves and any(each.parameters() for each in inside([layer])):
            return f"{_listed(way, 'or')} (the error comes down through {'it' if len(way) == 1 else 'them'}), " \
                   f"or {name} itself"
    return f"{_listed([*way, 'the error at the top'], 'or')}, or {name} itself"


def _listed(names, last):
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} {last} {names[-1]}"


def gradient_error(subject, findings, rtol, N, handed=False):
    """The error to raise when some of these findings are wrong.

    Parameters
    ----------
    subject : Layer or Network
    findings : list of Finding
        Of every array, right ones too, bottom to top.
    rtol : float
        A deviation above it is wrong.
    N : int
        Samples in the batch.
    handed : bool
        Whether the gradients were given, instead of found by the subject's backward pass.
    """
    wrong = [found for found in findings if found.deviation > rtol]
    order, advice, candidates = "", [], wrong
    if isinstance(subject, Network):
        heights = {layer.name: height for height, layer in enumerate(subject.all_layers())}
        wrong.sort(key=lambda found: -heights[owner_of(found.name)])                        # stable: weight, then bias
        top = owner_of(wrong[0].name)
        candidates = [found for found in wrong if owner_of(found.name) == top]
        alone = "check_gradients without gradients= tells whether a layer or the rule is wrong" if handed else \
            "check that layer alone with check_gradients(layer, x)"
        suspected = suspects(subject, top, [found.name for found in wrong], handed)
        order, advice = ", from the top", [f"topmost wrong: {wrong[0].name}; suspect {suspected}; {alone}"]
    first = max(candidates, key=lambda found: found.deviation)
    factors = {}
    for found in wrong:
        if found.factor is not None:
            factors.setdefault(factor_words(found.factor, N), []).append(found.name)
    text = "\n".join([
        f"{first.where}: {'given' if handed else 'backward says'} {first.given:.10g}, central differences say "
        f"{first.numerical:.10g} ({first.wrong} of the {first.compared} entries compared are wrong)",
        f"wrong/compared{order}: {', '.join(f'{found.name} {found.wrong}/{found.compared}' for found in wrong)}",
        *advice, *(f"{_listed(names, 'and')}: {words}" for words, names in factors.items())])
    return GradientError(text, **{key: getattr(first, key) for key in ("where", "given", "numerical", "deviation")},
                         wrong={found.name: (found.wrong, found.compared) for found in wrong})

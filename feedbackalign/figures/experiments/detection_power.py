"""How much noise must there be until a batch of images is told from a clean one, by which witness?"""

import numpy as np

from feedbackalign.figures import looks, style
from feedbackalign.figures.experiments import trained
from feedbackalign.figures.small_print import seeds_of
from feedbackalign.persistence import WITNESSES
from feedbackalign.runs.rows import require_measured
from feedbackalign.training.threads import on_our_terms
from feedbackalign.validation import describe, require_integer, require_known, require_list, require_number

HIDDEN, EPOCHS = (50, 50, 50), 15
TRAINING, BATCH, BOOTSTRAPS = 300, 100, 100                 # witnesses of the training set; samples of a batch; repeats
NOISE = (0.0, 0.05, 0.1, 0.15, 0.2)
OTHERS = (("dropout", 0.1), ("salt and pepper", 0.05), ("salt and pepper", 0.1), ("blur", 0.35), ("blur", 0.4))
LOOKS = {"softmax": ("#d4aa00", looks.DASHED, "^"), "logits": ("#756040", looks.DASH_DOT, "v"),
         "uncertainty_var": ("#20bf75", looks.DOTTED, "D"), "dgp": ("#154aaa", looks.LONG, "s"),
         "dgp_var": ("#bf0b00", looks.SOLID, "o")}          # {witness: colour, dash, marker}
CORRUPTIONS = ("noise", "dropout", "salt and pepper", "blur")
KEYS = ("witness", "corruption", "strength", "power", "batch")


@on_our_terms()
def detection_power_rows(*, seeds=3, bootstraps=BOOTSTRAPS, noise=NOISE, others=OTHERS, witnesses=tuple(LOOKS),
                         progress=None):
    """Train 64-50-50-50-10 on the digits, and test batches of corrupted test digits against clean ones.

    Parameters
    ----------
    seeds : int or sequence of int
    bootstraps : int
        Pairs of batches drawn from the 360 test samples, for each corruption.
    noise : sequence of float
        Deviations σ of Gaussian noise on pixels in [0, 1], clipped there.
    others : sequence of (str, float)
        Further corruptions, see `corrupted`.
    witnesses : sequence of str
        See `persistence.WITNESSES`.
    progress : callable, optional
        Called with every row.

    Returns
    -------
    list of dict
        seed, test_accuracy, witness, corruption, strength, batch, power (share of the batches that are rejected).
    """
    seeds = trained.seed_list(seeds)
    bootstraps = require_integer(bootstraps, "bootstraps", low=1)
    noise = trained.number_list(noise, "noise", low_open=False)
    witnesses = require_list(witnesses, "witnesses", lambda kind, what: require_known(kind, WITNESSES, "witness"))
    wanted = [*(("noise", sigma) for sigma in noise), *require_list(others, "others", require_corruption, least=0)]
    runs = (_powers(seed, bootstraps, wanted, witnesses) for seed in seeds)
    return trained.collect(runs, progress)


def require_corruption(pair, what):
    """Refuse anything but (its name, its strength)."""
    if not isinstance(pair, (tuple, list)) or len(pair) != 2:
        raise TypeError(f"{what}: expected pairs of a corruption and its strength, got {describe(pair)}")
    return (require_known(pair[0], CORRUPTIONS, f"corruption in {what}"),
            require_number(pair[1], what, low=0, low_open=True))


def classifier(hidden, epochs, seed):
    """A ReLU network: backprop, Adam at 1e-3, batches of 32, Xavier-normal weights. -> (network, data, accuracy)."""
    from feedbackalign.data import digits
    from feedbackalign.networks import mlp
    from feedbackalign.optimizer import Adam
    from feedbackalign.rules import make
    from feedbackalign.training.loop import train

    order, weights, feedback = (np.random.default_rng(child) for child in np.random.SeedSequence(seed).spawn(3))
    data = digits()
    network = mlp([64, *hidden, 10], init="xavier-normal", rng=weights)
    rows = train(make("bp", network, rng=feedback), data, Adam(1e-3), epochs=epochs, batch_size=32, rng=order)
    return network, data, rows[-1]["test_accuracy"]


def _powers(seed, bootstraps, wanted, kinds):
    from feedbackalign.persistence import detect_shift, witnesses

    network, data, accuracy = classifier(HIDDEN, EPOCHS, seed)
    labels, test = data.train.targets[:TRAINING], data.test.x
    known, clean = witnesses(network, data.train.x[:TRAINING], kinds), witnesses(network, test, kinds)
    for place, (corruption, strength) in enumerate(wanted):
        rng = np.random.default_rng([seed, place])
        seen = witnesses(network, corrupted(test, corruption, strength, rng), kinds)
        draws = [[rng.choice(len(test), BATCH, replace=False) for _ in range(2)] for _ in range(bootstraps)]
        for kind in kinds:
            rejected = [detect_shift(known[kind], labels, [array[one] for array in clean[kind]],
                                     [array[other] for array in seen[kind]])["reject"] for one, other in draws]
            yield {"seed": seed, "test_accuracy": accuracy, "witness": kind, "corruption": corruption,
                   "strength": strength, "batch": BATCH, "power": float(np.mean(rejected))}


def corrupted(x, corruption, strength, rng):
    """8×8 images with pixels in [0, 1], as rows (N, 64) -> (N, 64).

    "noise" of deviation `strength`, clipped; "dropout" of a share of pixels to 0; "salt and pepper" on a share of
    pixels, half of it to 0 and half to 1; "blur" by a Gaussian of this width in pixels, over 3×3.

    >>> corrupted(np.eye(1, 64), "blur", 0.4, None).reshape(8, 8)[:2, :2].round(2)
    array([[0.84, 0.04],
           [0.04, 0.  ]])
    """
    require_known(corruption, CORRUPTIONS, "corruption")
    if corruption == "noise":
        return np.clip(x + strength * rng.normal(size=x.shape), 0.0, 1.0)
    if corruption == "dropout":
        return np.where(rng.random(x.shape) < strength, 0.0, x)
    if corruption == "salt and pepper":
        drawn = rng.random(x.shape)
        return np.where(drawn < strength, np.where(drawn < strength / 2, 0.0, 1.0), x)
    taps = np.exp(-np.array([-1.0, 0.0, 1.0])**2 / (2 * strength**2))           # blur
    images = np.pad(x.reshape(-1, 8, 8), ((0, 0), (1, 1), (1, 1)))              # (N, 64) -> (N, 10, 10)
    images = sum(tap * images[:, place:place + 8] for place, tap in enumerate(taps / taps.sum()))
    images = sum(tap * images[:, :, place:place + 8] for place, tap in enumerate(taps / taps.sum()))
    return images.reshape(x.shape)


def detection_power(rows):
    """Share of rejected batches: over the noise on the left, for other corruptions on the right.

    rows : list of dict
        Of `detection_power_rows`.
    -> matplotlib.figure.Figure

    >>> rows = [{"seed": 0, "test_accuracy": 0.9, "witness": "dgp", "corruption": corruption, "strength": 0.1,
    ...          "batch": 100, "power": 0.5} for corruption in ("noise", "blur")]
    >>> [axes.get_title() for axes in detection_power(rows).axes]
    ['Gaussian noise', 'other corruptions']
    """
    rows = require_measured(rows, KEYS, "detection_power_rows")
    kinds = list(dict.fromkeys(row["witness"] for row in rows))
    with style.slide():
        figure = style.new_figure("How much must change until a batch of digits is told from a clean one, by what?")
        sizes, batch = "-".join(map(str, (64, *HIDDEN, 10))), rows[0]["batch"]
        style.foot(figure, f"digits, {sizes}   ·   {batch} samples against {batch}, level 5 % for all ten classes "
                           f"together   ·   {seeds_of(rows)}", more=_legend(kinds))
        grid = figure.add_gridspec(1, 2, left=0.07, right=0.985, top=0.85, bottom=0.25, wspace=0.08)
        panels = [figure.add_subplot(grid[0, place]) for place in range(2)]
        for axes, title in zip(panels, ("Gaussian noise", "other corruptions")):
            style.grid(axes)
            axes.set_title(title)
            axes.set_ylim(-3, 103)
        panels[0].set_ylabel("batches rejected (%)")
        panels[0].set_xlabel("σ of the noise, of the pixels' range")
        panels[1].tick_params(labelleft=False)
        for place, kind in enumerate(kinds):
            _draw_noise(panels[0], rows, kind)
            _draw_others(panels[1], rows, kind, (place - (len(kinds) - 1) / 2) * 0.13)
    return figure


def _of_kind(rows, kind, noise):
    """{(corruption, strength): powers in percent, one a seed}, of noise alone or of all else."""
    found = {}
    for row in rows:
        if row["witness"] == kind and (row["corruption"] == "noise") == noise:
            found.setdefault((row["corruption"], row["strength"]), []).append(100 * row["power"])
    return found


def _draw_noise(axes, rows, kind):
    colour, dash, marker = LOOKS[kind]
    found = sorted((sigma, powers) for (_, sigma), powers in _of_kind(rows, kind, noise=True).items())
    sigmas = [sigma for sigma, _ in found]
    axes.set_xticks(sigmas)
    axes.plot(sigmas, [np.mean(powers) for _, powers in found], color=colour, linestyle=dash, marker=marker)
    low, high = ([end(powers) for _, powers in found] for end in (min, max))
    axes.fill_between(sigmas, low, high, color=colour, alpha=0.16, linewidth=0)


def _draw_others(axes, rows, kind, shift):
    colour, _, marker = LOOKS[kind]
    found = _of_kind(rows, kind, noise=False)
    for place, powers in enumerate(found.values()):
        axes.plot([place + shift] * 2, [min(powers), max(powers)], color=colour, linewidth=2, alpha=0.5)
        axes.plot(place + shift, np.mean(powers), color=colour, marker=marker, markersize=10)
    names = [f"{corruption.replace(' and ', ' and' + chr(10))}\n{strength:g}" for corruption, strength in found]
    axes.set_xticks(range(len(names)), names, fontsize=style.TICK_SIZE)
    axes.set_xlim(-0.6, len(names) - 0.4)


def _legend(kinds):
    from matplotlib.lines import Line2D

    return [Line2D([], [], color=LOOKS[kind][0], linestyle=LOOKS[kind][1], marker=LOOKS[kind][2], label=kind)
            for kind in kinds]

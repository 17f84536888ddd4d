"""Do the data change how R forgets its start? No: ‖R − BᵀW‖ for different data and labels, and the scalar law."""

import math

from feedbackalign import optimizer
from feedbackalign.figures import style
from feedbackalign.figures.experiments import trained
from feedbackalign.figures.small_print import decay_in_words, fill
from feedbackalign.runs.rows import NothingToShow, check_rows
from feedbackalign.runs.run import Run

# Explicit route: R is an array that learns by its own gradient, and the difference is measured on the arrays, not
# computed by the formula. All tasks share the learning rate, momentum and decay schedule; nothing else.
COMMON = {"rule": "pfa", "lr": 0.01, "momentum": 0.9, "decay": "authors", "batch_size": 32,
          "options": (("route", "two-hop"), ("expansion", 10))}
DIGITS = {
    "digits": {"data": "digits", "epochs": 45},
    "digits, labels shuffled": {"data": "digits", "shuffled_labels": True, "epochs": 45},
    "digits, convolutions": {"data": "digits", "model": "digits-conv", "epochs": 45},
}
WAVES = {"waves (mnist1d)": {"data": "mnist1d", "epochs": 14}}
FASHION = {
    "clothes (Fashion)": {"data": "fashion-mini", "hidden": (128, 128), "epochs": 11},
    "clothes, labels shuffled": {"data": "fashion-mini", "hidden": (128, 128), "shuffled_labels": True, "epochs": 11},
}
FULL = {
    "clothes (Fashion)": {"data": "fashion", "hidden": (512, 512), "epochs": 2, "batch_size": 64},
    "clothes, labels shuffled": {"data": "fashion", "hidden": (512, 512), "shuffled_labels": True, "epochs": 2,
                                 "batch_size": 64},
}
SCALES = {
    "quick": {"tasks": DIGITS | WAVES | FASHION, "seeds": 1},
    "laptop": {"tasks": DIGITS | WAVES | FASHION, "seeds": 3},
    "paper": {"tasks": DIGITS | WAVES | FULL, "seeds": 5},
}
LOOKS = (("#154aaa", "X"), ("#00bfea", "*"), ("#d4aa00", "^"), ("#20bf75", "v"), ("#9f0b60", "P"), ("#bf0b00", "o"),
         ("#000000", "h"))                                                      # one per task
LAW = "#555555"


def planned_runs(scale="quick"):
    """The runs at a scale: every task with every seed -> list of `trained.Planned`."""
    settings = trained.settings_at(SCALES, scale)
    return [trained.Planned(Run(seed=seed, **COMMON | task), {"task": name})
            for name, task in settings["tasks"].items() for seed in range(settings["seeds"])]


def decay_rows(scale="quick", **how):
    """Train at a scale: -> the rows of all runs, each with its task; `how` as in `trained.do`."""
    return trained.do(planned_runs(scale), **how)


def law(steps, *, lr=COMMON["lr"], momentum=COMMON["momentum"], decay=COMMON["decay"]):
    """The echo c after 0, 1, …, `steps` steps: SGD's own recursion on one number, gradient zero.

    >>> [round(c, 4) for c in law(2, lr=0.1, momentum=0.0, decay=0.5)]
    [1.0, 0.95, 0.9025]
    """
    import numpy as np

    schedule = optimizer.decay_schedule(decay, strong_first=True, lr=lr, momentum=momentum)
    sgd, echo = optimizer.SGD(lr, momentum=momentum), np.ones(())
    values = [1.0]
    for step in range(steps):
        sgd.weight_decay = schedule(step)
        sgd.step({"echo": echo}, {"echo": np.zeros(())})
        values.append(float(echo))
    return values


def decay(rows):
    """Left: how differently the tasks are learnt. Right: ‖R − BᵀW‖ over its start, all on one curve, and the law.

    Every layer and seed has its own mark on the right, measured after every epoch.

    rows : list of dict
        Of `decay_rows`: the rows of `training.train` with `task` and `difference_norm`.
    -> matplotlib.figure.Figure

    >>> rows = trained.do([trained.Planned(Run(**COMMON | {"epochs": 2, "shuffled_labels": shuffled}), {"task": task})
    ...                    for task, shuffled in (("digits", False), ("shuffled", True))])
    >>> [axes.get_title() for axes in decay(rows).axes]
    ['training loss', '‖R − BᵀW‖ / ‖R₀ − BᵀW₀‖']
    """
    rows = [row for row in check_rows(rows) if row.get("task") and row.get("difference_norm")]
    if not rows:
        raise NothingToShow("decay: expected rows with a task and a difference_norm, got none")
    curves = curves_of(rows)
    steps = max(step for points in curves.values() for step, _ in points)
    values = law(steps)
    tasks = list(dict.fromkeys(row["task"] for row in rows))
    with style.slide():
        from matplotlib.lines import Line2D

        figure = style.new_figure(title(curves, values))
        grid = figure.add_gridspec(1, 2, left=0.08, right=0.985, top=0.8, bottom=0.31, wspace=0.14,
                                   width_ratios=(1, 1.45))
        left, right = (figure.add_subplot(grid[0, place]) for place in range(2))
        for place, task in enumerate(tasks):
            colour, marker = LOOKS[place % len(LOOKS)]
            _draw_losses(left, [row for row in rows if row["task"] == task], colour)
            own = [points for (name, _, _), points in curves.items() if name == task]
            _draw_differences(right, own, colour, marker, place)
        right.plot(range(steps + 1), values, color=LAW, linewidth=2.0, zorder=2)
        left.set_title("training loss")
        left.set_yscale("log")
        right.set_title("‖R − BᵀW‖ / ‖R₀ − BᵀW₀‖")
        right.set_ylim(-0.02, 1.05)
        for axes in (left, right):
            style.grid(axes)
            axes.set_xlabel("step")
            axes.set_xlim(-0.02 * steps, 1.02 * steps)
        _say_drop(right, steps)
        entries = [Line2D([], [], color=LOOKS[place % len(LOOKS)][0], marker=LOOKS[place % len(LOOKS)][1], label=task)
                   for place, task in enumerate(tasks)]
        entries.append(Line2D([], [], color=LAW, linewidth=2.0, label="the law: one number, no data in it"))
        figure.legend(handles=entries, loc="lower center", bbox_to_anchor=(0.5, 0.068), ncol=3, frameon=False,
                      fontsize=14, columnspacing=1.4, handlelength=2.0)
        style.foot(figure, _small_print(rows, curves))
    return figure


def curves_of(rows):
    """{(task, seed, layer): [(step, ‖D‖ / ‖D_0‖), …]}."""
    curves = {}
    for row in rows:
        for layer, norm in row["difference_norm"].items():
            curves.setdefault((row["task"], row.get("seed"), layer), []).append((row["step"], norm))
    return {key: [(step, norm / points[0][1]) for step, norm in points] for key, points in curves.items()}


def departure(curves, values):
    """The largest distance of any measured point from the law."""
    return max(abs(ratio - values[step]) for points in curves.values() for step, ratio in points)


def title(curves, values):
    """With the largest departure, rounded up to a power of ten."""
    power = math.ceil(math.log10(max(departure(curves, values), 1e-16)))
    return f"How R forgets its random start:\nevery measured difference lies within 1e{power} of the scalar law"


def _draw_losses(axes, rows, colour):
    for seed in dict.fromkeys(row.get("seed") for row in rows):
        known = [(row["step"], row["train_loss"]) for row in rows if row.get("seed") == seed and row.get("train_loss")]
        axes.plot(*zip(*known), color=colour, linewidth=2.2, zorder=3)


def _draw_differences(axes, curves, colour, marker, place):
    """The marks of different tasks stand at different epochs, so that they do not hide each other."""
    for points in curves:
        every = 3 if len(points) > 20 else 2
        axes.plot(*zip(*points), color=colour, marker=marker, markersize=10, linestyle="none", zorder=3, alpha=0.9,
                  markevery=(place % every, every), markeredgecolor="white", markeredgewidth=0.6)


def _say_drop(axes, steps):
    """Where the strong decay ends."""
    drop = optimizer.SMALL_NETWORKS.steps(COMMON["lr"], COMMON["momentum"])
    if drop < steps:
        axes.axvline(drop, color="#8c8c8c", linewidth=1.2, linestyle=(0, (2, 2)), zorder=1)
        axes.text(drop + 0.012 * steps, 0.4, f"strong decay ends\n(step {drop}): from here on\nthe echo stays",
                  fontsize=13, color="#555555", va="top")


def _small_print(rows, curves):
    seeds = len({row.get("seed") for row in rows})
    layers = len({(task, layer) for task, _, layer in curves})
    decays = decay_in_words(rows, optimizer.SMALL_NETWORKS.steps(COMMON["lr"], COMMON["momentum"]))
    words = [f"pfa, hop by hop: R is an array and learns by its own gradient; every layer and epoch, "
             f"some marked ({layers} layers, {seeds} {'seeds' if seeds > 1 else 'seed'})",
             f"SGD, lr {COMMON['lr']:g}, momentum {COMMON['momentum']:g}, weight decay {decays}",
             "law: SGD's recursion on a scalar with gradient zero"]
    return fill(words)

"""What an experiment that trains has shown, as text: its numbers in a table, and where and when they were measured.

Pure functions from plain rows to strings, made to be copied into a page of results.
"""

import statistics

from feedbackalign.figures.tables import Column, comparison_table, fitting, in_a_range, lay_out, ratio
from feedbackalign.figures.experiments.decay import curves_of, departure, law
from feedbackalign.figures.experiments.depth import towers_of
from feedbackalign.figures.experiments.sparse import reciprocal_share
from feedbackalign.runs.finished import versions
from feedbackalign.runs.rows import evenly_chosen, names_in, rows_by_run, synapses


def table(name, rows):
    """The table of one of `figures.TRAINED`: its rows -> lines of text.

    Without times: runs side by side in a sweep disturb each other's, and benchmarks measure them alone.
    """
    special = {"resnet": resnet_table, "depth": depth_table, "sparse": sparse_table, "decay": decay_table}
    return special.get(name, comparison_table)([{**row, "seconds_per_step": None} for row in rows])


def provenance(settings):
    """With what command, where and when the numbers came about.

    >>> print(provenance({"figure": "mlp", "scale": "quick", "seed": [0, 1], "cores": 2, "date": "2026-01-31"}))
    feedbackalign figure mlp --scale quick   ·   seeds 0, 1   ·   two ... cores, numpy ...   ·   2026-01-31
    """
    seeds = settings["seed"] if isinstance(settings["seed"], list) else [settings["seed"]]
    cores = {1: "one", 2: "two", 4: "four", 8: "eight"}.get(settings["cores"], settings["cores"])
    made_by = versions()
    return "   ·   ".join([f"feedbackalign figure {settings['figure']} --scale {settings['scale']}",
                           f"seed{'s' * (len(seeds) > 1)} {', '.join(map(str, seeds))}",
                           f"{cores} {made_by['machine']} cores, numpy {made_by['numpy']}", settings["date"]])


def resnet_table(rows):
    """Many layers in one cell: median, lowest and highest; the path's angle before training and after epochs.

    Examples
    --------
    >>> row = {"rule": "pfa", "seed": 0, "epoch": 0, "test_accuracy": 0.1,
    ...        "weight_angle": {"conv1": 90.0, "conv2": 89.0, "fc1": 91.0}, "norm_ratio": {"conv1": 1.0, "fc1": 1.1},
    ...        "backprop_angle": {"conv1.weight": 88.0, "conv2.weight": 80.0, "bn1.weight": 3.0, "fc1.weight": 0.0}}
    >>> print(resnet_table([row, {**row, "epoch": 1}]))                                # doctest: +ELLIPSIS
                                                                path/weight angle
    rule  test accuracy %  angle to backprop        norm ratio       start     epoch 1
    pfa              10.0         84 (80-88)  1.05 (1.00-1.10)  90 (89-91)  90 (89-91)
    ...
    """
    by_rule, last = rows_by_run(rows), max(row["epoch"] for row in rows)
    ends = {rule: [row for run in seeds.values() for row in run if row["epoch"] == last]
            for rule, seeds in by_rule.items()}
    columns = [Column("", "rule", list(by_rule)),
               Column("", "test accuracy %", [_accuracy(group) for group in ends.values()]),
               Column("", "angle to backprop", [_range(group, _below_top, whole_degrees) for group in ends.values()]),
               Column("", "norm ratio", [_range(group, _of("norm_ratio"), ratio) for group in ends.values()])]
    for epoch in evenly_chosen(sorted({row["epoch"] for row in rows}), 4):
        cells = [_range([row for run in seeds.values() for row in run if row["epoch"] == epoch], _of("weight_angle"),
                        whole_degrees) for seeds in by_rule.values()]
        columns.append(Column("path/weight angle", f"epoch {epoch}" if epoch else "start", cells))
    and_seeds = " and seeds" if len({row["seed"] for row in rows}) > 1 else ""
    legend = (f"After {last} epochs; median of all layers{and_seeds} (lowest-highest); angle to backprop without the "
              f"top one, which is exact.")
    return "\n".join([*lay_out(columns), "", legend])


def depth_table(rows):
    """Rule by depth: test accuracy, and the lowest layer's angle to backprop.

    Examples
    --------
    >>> row = {"rule": "fa", "seed": 0, "epoch": 1, "hidden_layers": 2, "test_accuracy": 0.9,
    ...        "backprop_angle": {"fc1.weight": 60.0, "fc2.weight": 40.0, "fc3.weight": 0.0}}
    >>> print(depth_table([row]).splitlines()[2])
    fa                  90.0                         60
    """
    towers, last = towers_of(rows), max(row["epoch"] for row in rows)
    rules, depths = (list(dict.fromkeys(key[place] for key in towers)) for place in range(2))
    ends = {key: [row for row in rows if (row["rule"], row.get("hidden_layers")) == key and row["epoch"] == last]
            for key in towers}
    columns = [Column("", "rule", rules)]
    for depth in depths:
        columns.append(Column("test accuracy %, hidden layers", str(depth),
                              [_accuracy(ends.get((rule, depth), [])) for rule in rules]))
    for depth in depths:
        columns.append(Column("lowest layer's angle to backprop", str(depth),
                              [f"{towers[rule, depth].angles[0]:.0f}" if (rule, depth) in towers else "-"
                               for rule in rules]))
    return "\n".join(lay_out(columns))


def sparse_table(rows):
    """Rule by density: test accuracy, and the share of reciprocal pairs.

    Examples
    --------
    >>> row = {"rule": "fa", "seed": 0, "epoch": 1, "density": 0.1, "test_accuracy": 0.9,
    ...        "reciprocity": {"fc1": 0.1, "fc2": 0.1}}
    >>> print(sparse_table([row]).splitlines()[2])
    fa                  90.0                   10
    """
    last = max(row["epoch"] for row in rows)
    ends = [row for row in rows if row["epoch"] == last and row.get("density") is not None]
    rules = list(dict.fromkeys(row["rule"] for row in ends))
    densities = sorted({row["density"] for row in ends}, reverse=True)
    columns = [Column("", "rule", rules)]
    for name, show in (("test accuracy %, density", _accuracy), ("reciprocal pairs %, density", _reciprocal)):
        for density in densities:
            columns.append(Column(name, f"{density:g}", [show([row for row in ends if row["rule"] == rule
                                                               and row["density"] == density]) for rule in rules]))
    return "\n".join(lay_out(columns))


def decay_table(rows):
    """Task by task: how it was learnt, and how far ‖R − BᵀW‖ lies from the scalar law."""
    curves = curves_of(rows)
    values = law(max(row["step"] for row in rows))
    tasks = list(dict.fromkeys(row["task"] for row in rows))
    ends = {task: [row for row in rows if row["task"] == task][-1] for task in tasks}
    own = {task: {key: points for key, points in curves.items() if key[0] == task} for task in tasks}
    return "\n".join(lay_out([
        Column("", "task", tasks),
        Column("", "steps", [str(ends[task]["step"]) for task in tasks]),
        Column("", "training loss", [f"{ends[task]['train_loss']:.3g}" for task in tasks]),
        Column("", "test accuracy %", [_accuracy([ends[task]]) for task in tasks]),
        Column("", "layers", [str(len(own[task])) for task in tasks]),
        Column("", "|R - B'W| left", [f"{max(points[-1][1] for points in own[task].values()):.4f}" for task in tasks]),
        Column("", "law", [f"{values[ends[task]['step']]:.4f}" for task in tasks]),
        Column("", "largest departure", [f"{departure(own[task], values):.1e}" for task in tasks]),
    ]))


def topology_table(rows):
    """Rule by rule: persistence as trained, and with the first rule's weights put in the order of its own.

    A star says that the rule's number differs from the first rule's to the same side at every seed.

    Examples
    --------
    >>> row = {"rule": "bp", "seed": 0, "epoch": 1, "test_accuracy": 0.9, "np": 0.5, "dgp": 0.25, "variance": 0.02,
    ...        "layers": {"fc1": {"position": 0.1}}, "matched": {"np": 0.5, "dgp": 0.25, "position": {"fc1": 0.1}}}
    >>> print(topology_table([row, {**row, "rule": "fa", "np": 0.6}]))
                                       as trained                     with bp's weights
    rule  test accuracy %  variance      NP    DGP  position fc1     NP    DGP  position fc1
    bp               90.0    0.0200   0.500  0.250         0.100  0.500  0.250         0.100
    fa               90.0    0.0200  0.600*  0.250         0.100  0.500  0.250         0.100
    """
    last = max(row["epoch"] for row in rows)
    ends = {rule: [seeds[seed][-1] for seed in sorted(seeds)] for rule, seeds in
            rows_by_run([row for row in rows if row["epoch"] == last]).items()}
    first, layers = next(iter(ends)), names_in(rows, "layers")

    def column(group, heading, number, digits=3):
        known = {rule: [number(row) for row in group_of] for rule, group_of in ends.items()}
        return Column(group, heading, [_against(values, known[first], digits) for values in known.values()])

    columns = [Column("", "rule", list(ends)), Column("", "test accuracy %", [_accuracy(end) for end in ends.values()]),
               column("as trained", "variance", lambda row: row["variance"], digits=4),
               column("as trained", "NP", lambda row: row["np"]), column("as trained", "DGP", lambda row: row["dgp"])]
    columns += [column("as trained", f"position {layer}", lambda row, layer=layer: row["layers"][layer]["position"])
                for layer in layers]
    matched = f"with {first}'s weights"
    columns += [column(matched, "NP", lambda row: row["matched"]["np"]),
                column(matched, "DGP", lambda row: row["matched"]["dgp"])]
    columns += [column(matched, f"position {layer}", lambda row, layer=layer: row["matched"]["position"][layer])
                for layer in layers]
    return "\n".join(line for part in fitting(columns) for line in [*lay_out(part), ""]).rstrip()


MEASURED = {"topology": topology_table}                     # of `figures.EXPERIMENTS` those that have a table


# ------------------------------------------------------------------------------------------------------------ cells

def _against(values, others, digits):
    """Mean and deviation over seeds, and a star where every value lies on the same side of the other rule's."""
    if None in values:
        return "-"
    above = {(value > other) - (value < other) for value, other in zip(values, others)}
    star = "*" if len(above) == 1 and above != {0} else ""
    spread = f" ± {statistics.stdev(values):.{digits}f}" if len(values) > 1 else ""
    return f"{statistics.fmean(values):.{digits}f}{spread}{star}"


def _accuracy(rows):
    known = [100 * row["test_accuracy"] for row in rows if row.get("test_accuracy") is not None]
    if len(known) < 2:
        return f"{known[0]:.1f}" if known else "-"
    return f"{statistics.fmean(known):.1f} ± {statistics.stdev(known):.1f}"


def _reciprocal(rows):
    known = [share for share in map(reciprocal_share, rows) if share is not None]
    return f"{statistics.fmean(known):.0f}" if known else "-"


def whole_degrees(angle):
    return f"{angle:.0f}"


def _range(rows, numbers, show):
    return in_a_range([number for row in rows for number in numbers(row) if number is not None], show)


def _of(key):
    return lambda row: list((row.get(key) or {}).values())


def _below_top(row):
    angles = row.get("backprop_angle") or {}
    return [angles[name] for name in synapses(angles)[:-1]]

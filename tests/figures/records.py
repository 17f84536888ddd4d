"""Records made up by formula, so that a figure's test needs no training: shaped as the rows of `training.train`."""

import copy
import itertools

import pytest

DEFAULT_RULES = ("bp", "fa", "dfa", "usf", "kp", "wm", "pfa", "pfa-o")
LAYERS = ("fc1", "fc2", "fc3")
SETTLED = {"bp": 0.0, "fa": 60.0, "dfa": 55.0, "usf": 30.0, "kp": 40.0, "wm": 9.0, "pfa": 17.0, "pfa-o": 3.0}
DIRECT = ("dfa", "drtp", "wp", "np")                                # nothing stands in W's place


def angle_at(rule, seed, epoch, layer):
    """Degrees that fall from about 90 to where the rule settles, a little different for every seed and layer."""
    if rule == "bp":
        return 0.0
    settled = SETTLED.get(rule, 45.0)
    return settled + (90.0 - settled) * 0.6**epoch + 0.3 * seed + 0.1 * len(layer)


def row(rule="fa", seed=0, epoch=0, layers=LAYERS):
    """One row; the top layer's update is exact for every rule but a perturbation."""
    update = {}
    for layer in layers:
        exact = layer == layers[-1] and rule not in ("wp", "np")
        update[f"{layer}.weight"] = 0.0 if exact else angle_at(rule, seed, epoch, layer)
        update[f"{layer}.bias"] = 1.0
    stands_in = () if rule in DIRECT else layers
    return {
        "rule": rule, "seed": seed, "model": "mlp", "data": "digits", "epoch": epoch, "step": 38 * epoch,
        "train_loss": None if epoch == 0 else 2.0 / (1 + epoch) + 0.01 * seed,
        "test_loss": 2.3 / (1 + epoch) + 0.02 * seed, "test_accuracy": 0.97 - 0.85 * 0.4**epoch - 0.004 * seed,
        "reference": "backprop", "update_angle": update, "backprop_angle": dict(update),
        "weight_angle": {layer: angle_at(rule, seed, epoch, layer) for layer in stands_in},
        "norm_ratio": {layer: 1.0 - 0.4 * 0.7**epoch for layer in stands_in},
        "seconds": 0.01, "lr": 0.01, "weight_decay": 1e-4,
    }


def record(rules=DEFAULT_RULES, seeds=3, epochs=6, layers=LAYERS):
    """Rows per rule, seed and epoch, in this order."""
    return [row(rule, seed, epoch, layers) for rule in rules for seed in range(seeds) for epoch in range(epochs + 1)]


def changed(rows, change):
    """A deep copy of the rows after `change(row)` on each."""
    rows = copy.deepcopy(rows)
    for each in rows:
        change(each)
    return rows


def regression(rows):
    """The same without accuracies."""
    return changed(rows, lambda each: each.update(test_accuracy=None))


def with_holes(rows):
    """The same with values missing in every way in which a row can lack one."""
    rows = copy.deepcopy(rows)
    for place, each in enumerate(rows):
        if place % 7 == 1:
            each.update(test_accuracy=None, test_loss=None, train_loss=None, update_angle={}, weight_angle={})
            del each["backprop_angle"], each["norm_ratio"]
        elif place % 5 == 2:
            each["weight_angle"] = dict.fromkeys(each["weight_angle"])
            each["backprop_angle"] = dict.fromkeys(each["backprop_angle"])
        elif each["epoch"] == 3 and each["rule"] == "fa":           # no seed knows: a gap in the line
            each.update(test_accuracy=None, test_loss=None, weight_angle={}, update_angle={}, backprop_angle=None)
    return rows


CONVOLUTIONAL = ("conv1", "block1.conv1", "block1.conv2", "block2.conv1", "block2.conv2", "block3.conv1",
                 "block3.conv2", "block4.conv1", "fc1")
FIFTEEN = (*DEFAULT_RULES, "pfa-i", "drtp", "brsf", "frsf", "wp", "np", "MyVeryOwnFeedbackRule")

RECORDS = {
    "default": record(),
    "one seed": record(seeds=1),
    "one epoch": record(epochs=0),
    "one rule": record(rules=("bp",)),
    "regression": regression(record()),
    "holes": with_holes(record()),
    "no weight angles": record(rules=("dfa", "np")),
    "deep": record(layers=CONVOLUTIONAL),
    "five layers": record(layers=CONVOLUTIONAL[4:]),
    "one layer": record(layers=("fc1",)),
    "many rules": record(rules=FIFTEEN),
    "long": record(epochs=250, seeds=2),
}


def line(axes, rule):
    """(x, y) of the curve that an axes shows for a rule."""
    found = [line for line in axes.get_lines() if line.get_label() == rule]
    assert len(found) == 1, f"{len(found)} lines of {rule}"
    return list(found[0].get_xdata()), list(found[0].get_ydata())


def assert_means_and_extremes(axes, rows, rules, value):
    """The curves of these rules are means over seeds of `value(row)`, their bands the lowest and the highest."""
    assert lines(axes) == list(rules)
    for rule, band in zip(rules, bands(axes)):
        epochs, means = line(axes, rule)
        assert epochs == sorted({row["epoch"] for row in rows if row["rule"] == rule})
        for epoch, mean in zip(epochs, means):
            known = [value(row) for row in rows if (row["rule"], row["epoch"]) == (rule, epoch)]
            known = [number for number in known if number is not None]
            if known:
                assert mean == pytest.approx(sum(known) / len(known))
                assert band[epoch] == pytest.approx((min(known), max(known)))
            else:
                assert mean != mean


def lines(axes):
    """The rules of which an axes shows a curve."""
    return [line.get_label() for line in axes.get_lines() if not line.get_label().startswith("_")]


def bands(axes):
    """The filled bands of an axes, as (lowest, highest) per x, in the order in which they were drawn."""
    found = []
    for collection in axes.collections:
        by_x = {}
        for path in collection.get_paths():
            for x, y in path.vertices:
                by_x.setdefault(float(x), []).append(float(y))
        found.append({x: (min(ys), max(ys)) for x, ys in by_x.items()})
    return found


def words(figure):
    """Everything that is written in a figure outside of its axes and legends."""
    return " ".join(text.get_text() for text in figure.texts)


def legend(figure):
    """What the legends say, entry by entry."""
    return [text.get_text() for legend in figure.legends for text in legend.get_texts()]


def title(figure):
    return figure._suptitle.get_text()                              # get_suptitle came with matplotlib 3.8


def boxes(figure):
    """What must not overlap: the panels with all their labels, the title, the legends, the small print."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    renderer = FigureCanvasAgg(figure).get_renderer()
    figure.draw(renderer)
    parts = {f"panel {place}": axes.get_tightbbox(renderer) for place, axes in enumerate(figure.axes)}
    parts |= {f"legend {place}": legend.get_window_extent(renderer) for place, legend in enumerate(figure.legends)}
    texts = dict.fromkeys([figure._suptitle, *figure.texts])
    return parts | {text.get_text()[:20]: text.get_window_extent(renderer) for text in texts}


def assert_fits_its_slide(figure):
    """Nothing overlaps, and nothing leaves the slide."""
    width, height = figure.get_size_inches() * figure.dpi
    parts = boxes(figure)
    for part, box in parts.items():
        assert box.x0 >= 0 and box.y0 >= 0 and box.x1 <= width and box.y1 <= height, f"{part} leaves the slide"
    for one, other in itertools.combinations(parts, 2):
        across = min(parts[one].x1, parts[other].x1) - max(parts[one].x0, parts[other].x0)
        upward = min(parts[one].y1, parts[other].y1) - max(parts[one].y0, parts[other].y0)
        assert across <= 1 or upward <= 1, f"{one} overlaps {other} by {across:.0f} x {upward:.0f} pixels"

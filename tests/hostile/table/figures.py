"""Figures of a record, the experiments, the table of a record, and what writes or shows them.

The good calls of an experiment cost seconds to minutes and are made in tests/figures/experiments.
"""

import inspect
import pathlib
import tempfile

import numpy as np

import feedbackalign as fa
from tests.figures import records
from tests.hostile.calls import Entry
from tests.hostile.table.training import CHANCES
from tests.hostile.values import Fresh, Kind, function, integer, number, path, several, where, without, word

FOLDER = pathlib.Path(tempfile.mkdtemp(prefix="hostile-"))
RECORD = records.record(rules=("bp", "fa"), seeds=1, epochs=1)
ROWS = Kind((RECORD,), {**without(), "a word": "rows", "a number": 5, "an empty list": [], "numbers": [5, 6],
                        "rows without keys": [{}], "rows of something else": [{"a": 1}], "an array": np.ones(3),
                        "an epoch that is no number": [{"rule": "fa", "epoch": "a"}], "a flag": True,
                        "a rule that is no name": [{"rule": 5, "epoch": 0}]})
SIZE = Kind((None, (8, 4.5), [6, 4]), {"a word": "big", "a number": 8, "one": (8,), "three": (8, 4, 2), "a flag": True,
                                       "words": ("a", "b"), "zero": (0, 4), "negative": (-8, 4), "NaN": (np.nan, 4),
                                       "infinity": (np.inf, 4), "an object": object(), "huge": (1e308, 4), "flags":
                                       (True, True), "an array": np.array([8, 4])})
THEME = word("light", "dark")
SLIDE = {"size": SIZE, "theme": THEME}
NAME = Kind(("here",), {**without(), "a number": 5, "a flag": True, "empty": ""})


def new_figure():
    from matplotlib.figure import Figure
    return Figure(figsize=(1, 1))


FIGURE = Kind((Fresh(new_figure),), {**without(), "a word": "figure", "a number": 5, "axes": Fresh(
    lambda: new_figure().subplots()), "rows": RECORD})
PNG = Fresh(lambda: FOLDER / "figure.png")
FILE = path(PNG).but(another_suffix="figure.bmp", no_suffix="figure", no_such_folder="no/such/figure.png")
EXPANSION = integer(1, good=(10,)).or_none()
TABLE = {
    "figures.learning_curves": Entry({"rows": ROWS, **SLIDE}),
    "figures.gradient_angles": Entry({"rows": ROWS, "to": word("backprop").or_none(), **SLIDE}),
    "figures.path_alignment": Entry({"rows": ROWS, "expansion": EXPANSION, "density": number(
        0, 1, low_open=True, good=(0.5,)).or_none(), **SLIDE}),
    "figures.swept": Entry({"rows": ROWS, **SLIDE}, quick=False),
    "figures.animate": Entry({"rows": ROWS, "path": path(Fresh(lambda: FOLDER / "a.gif")).but(
        another_suffix="figure.png", no_such_folder="no/such/figure.gif"), "theme": THEME}, quick=False),
    "figures.page": Entry({"rows": ROWS, "path": path(Fresh(lambda: FOLDER / "a.html")).but(
        no_such_folder="no/such/figure.html"),
        "command": Kind((None, "feedbackalign plot"), {"a number": 5, "a list": ["a"]}),
        "versions": Kind((None,), {"a number": 5, "a word": "1.0", "a list": ["a"]})}, quick=False),
    "figures.draw_all": Entry({"rows": ROWS, "folder": path(where(FOLDER)).but(a_file=Fresh(lambda: touched())),
                               "formats": several(word("png"), ("png",), "svg", ["svg", "png"], text=True).but(
                                   an_unknown_word="bmp", without=("an empty list", "an empty tuple")),
                               "say": function(print), **SLIDE}, quick=False),
    "figures.save": Entry({"figure": FIGURE, "path": FILE}),
    "figures.show": Entry({"figure": FIGURE, "name": NAME}, quick=False),
    "figures.panels": Entry({"name": NAME, "title": NAME.only("A title"), "columns": integer(1, good=(1, 2)),
                             "rows": integer(1, good=(1, 2))}, quick=False),
    "figures.look": Entry({"rule": NAME.only("fa", "mine").but(without=("empty",))}),
    "figures.slide": Entry(SLIDE),
    "table": Entry({"rows": ROWS, "format": word("csv", "markdown", "latex").or_none()}),
    "tidy": Entry({"rows": ROWS}),
}


def touched():
    (FOLDER / "a-file").write_text("a")
    return FOLDER / "a-file"


# ------------------------------------------------------------------------------------------------------ experiments

COUNT = integer(1, good=(1,))
RULES = several(word("bp"), ["bp"], ("bp",))
POSITIVES = several(number(0, low_open=True, good=(0.1,)), (0.1,), [0.2], empty=False)
SEED = integer(0, good=(0,), huge=1.5)
SEEDS = COUNT.but([0], without=("a list",), words_inside=["a"], negative_inside=[-1], an_empty_list=[],
                  NaN_inside=[np.nan])
OF_EXPERIMENT = {
    "seeds": SEEDS, "seed": SEED, "epochs": integer(0, good=(1,)),
    "progress": function(None, print).but(without=("None",)),
    "rules": RULES, "pretraining": integer(0, good=(1,)), "updates": integer(0, good=(1,)),
    "steps": COUNT, "every": COUNT,
    "draws": COUNT, "outputs": COUNT, "inputs": COUNT, "samples": COUNT, "sample": integer(0, good=(0,)),
    "bootstraps": COUNT, "radii": POSITIVES, "points": several(COUNT, (1, 2)), "betas": POSITIVES, "rates": POSITIVES,
    "scales": POSITIVES, "etas": POSITIVES, "penalties": POSITIVES, "expansions": several(COUNT, (1, 2)),
    "hidden": several(COUNT, (4,), empty=False), "scale": word("quick"),
    "noise": several(number(0, good=(0.1,)), (0.0, 0.1), empty=False), "witnesses": several(word("dgp"), ("dgp",)),
    "others": Kind(((("dropout", 0.1),),), {**without(), "a word": "blur", "a number": 5, "words": ("dropout",),
                                            "an unknown one": (("nonsense", 0.1),),
                                            "a word as strength": (("blur", "a"),)}),
}
for name in [*fa.figures.EXPERIMENTS, *fa.figures.TRAINED]:
    measured = inspect.signature(getattr(fa.figures, f"{name}_rows")).parameters
    more = CHANCES if "how" in measured else {}
    TABLE[f"figures.{name}_rows"] = Entry({key: OF_EXPERIMENT[key] for key, parameter in measured.items()
                                           if parameter.kind is not parameter.VAR_KEYWORD} | more, quick=False)
    rows = ROWS.but(rows_of_a_record=RECORD) if name in fa.figures.EXPERIMENTS else ROWS
    TABLE[f"figures.{name}"] = Entry({"rows": rows}, quick=False)
TABLE["figures.input_scale_rows"].arguments["epochs"] = COUNT          # the one that shows nothing before it trains

"""Optimisers and schedules, one step and the loop, runs, models and comparisons."""

import pathlib
import tempfile

import numpy as np

import feedbackalign as fa
from tests.hostile.calls import Entry
from tests.hostile.table.rules import RULE
from tests.hostile.values import (Fresh, Kind, dataset, dtype, flag, floats, function, integer, labels, named_arrays,
                                  number, optimizer, path, rng, rule, several, split, task, where, without, word)

FOLDER = pathlib.Path(tempfile.mkdtemp(prefix="hostile-"))
RATE = number(0, low_open=True, good=(0.1, 1)).but(without=("a dict",), a_rate_of_words={"fc1": "a"},
                                                   a_negative_rate={"fc1": -1.0}, NaN_in_a_dict={"fc1": np.nan})
LR = RATE.but({"fc1": 0.1, "fc2": 0.0})
DECAY = number(0, good=(0.0, 1e-4, {"fc1": 0.1})).but(without=("a dict",), a_decay_of_words={"fc1": "a"})
MOMENTUM = number(0, 1, high_open=True, good=(0.0, 0.9))
POSITIVE = number(0, low_open=True, good=(0.5, 1))
PRESET = number(0, good=("authors", "equal", 0.01)).but(an_unknown_word="nonsense")
PHASE = Kind((fa.optimizer.RESNETS,), {**without(), "a number": 5, "a word": "strong",
                                       "the class": fa.optimizer.StrongPhase})
MILESTONES = several(integer(1, good=(2,)), (), (2, 3), [1], empty=False)
THETA = {"fc1.weight": np.ones((2, 3)), "fc1.bias": np.ones(2)}
ARRAYS = named_arrays(Fresh(lambda: {name: array.copy() for name, array in THETA.items()}), others={
    "words inside": {"fc1.weight": "a", "fc1.bias": np.ones(2)}, "another shape": {**THETA, "fc1.bias": np.ones(3)},
    "a missing one": {"fc1.weight": np.ones((2, 3))}, "complex": {**THETA, "fc1.bias": np.ones(2) * 1j}})
PARAMETERS = ARRAYS.but(without=("a missing one",))


def started(kind, **options):
    def on():
        made = kind(0.1, **options)
        made.step({name: array.copy() for name, array in THETA.items()}, THETA)
        return made
    return on


STATES = {"SGD": started(fa.optimizer.SGD, momentum=0.9), "Adam": started(fa.optimizer.Adam)}
TABLE = {
    "optimizer.SGD": Entry({"lr": LR, "momentum": MOMENTUM, "weight_decay": DECAY}),
    "optimizer.Adam": Entry({"lr": LR, "betas": Kind(((0.9, 0.999), [0.5, 0.5]), {
        **without(), "one": (0.9,), "three": (0.9, 0.9, 0.9), "empty": (), "a word": "ab", "a number": 0.9,
        "words inside": ("a", "b"), "one of them 1": (0.9, 1.0), "NaN inside": (np.nan, 0.9), "negative": (-0.1, 0.9),
        "an array": np.array([0.9, 0.99])}), "epsilon": POSITIVE, "weight_decay": DECAY}),
    "optimizer.MultiStep": Entry({"start": number(0, good=(0.1, {"fc1": 0.1})).but(without=("a dict",),
                                                                                   words={"a": "b"}),
                                  "milestones": several(integer(0, good=(2,)), (), (2, 3), [1], empty=False),
                                  "factor": number(0, good=(0.5, 1))}),
    "optimizer.MultiStep.__call__": Entry({"step": integer(0)}, on=lambda: fa.optimizer.MultiStep(0.1, (2,), 0.5)),
    "optimizer.StrongPhase": Entry({"decay": POSITIVE, "drop": POSITIVE, "forgetting": POSITIVE}),
    "optimizer.StrongPhase.steps": Entry({"lr": RATE.only(0.1), "momentum": MOMENTUM}, on=lambda: fa.optimizer.RESNETS),
    "optimizer.decay_schedule": Entry({"preset": PRESET, "strong_first": flag(), "lr": RATE.but(
        without=("a rate of words", "a negative rate", "NaN in a dict")), "momentum": MOMENTUM, "strong": PHASE}),
}
for name, on in STATES.items():
    TABLE |= {f"optimizer.{name}.step": Entry({"parameters": PARAMETERS, "gradients": ARRAYS}, on=on),
              f"optimizer.{name}.load_state": Entry({"state": named_arrays(Fresh(lambda on=on: on().state()))}, on=on)}

# --------------------------------------------------------------------------------------------------------- training

X, Y = floats((6, 4), free=(0,)), labels(6, 2)
BATCH = {"x": X, "targets": Y}
SPLIT = split()
SCHEDULE = function(fa.optimizer.MultiStep(0.1), None).but(without=("None",))
ABOUT = Kind((None, {"seed": 3}), {**without("None", "a dict"), "a number": 5, "a word": "abc", "a list": [1, 2]})
CALLED = function(None, Fresh(lambda: [].append)).but(without=("None",))
AUGMENT = Kind((None,), {**without("None"), "a word": "crop-flip", "the class": fa.data.CropAndFlip, "a number": 4})
EVERY = integer(1).or_none()
NEW_FOLDER = where(FOLDER)
FILE = Fresh(lambda: FOLDER / "a-file" if (FOLDER / "a-file").write_text("a") else None)
TABLE |= {
    "training.train_step": Entry({"rule": rule(), "optimizer": optimizer(), **BATCH}),
    "training.evaluate": Entry({"rule": rule(), "split": SPLIT, "chunk": integer(1).or_none()}),
    "training.measure": Entry({"rule": rule(), **BATCH}),
    "training.plain": Entry({"value": Kind((1, np.ones(2), object()), {})}),         # what it does not know stays
    "training.read_record": Entry({"path": path(Fresh(lambda: written("[]"))).but(
        no_such_file="no/such", a_folder=FOLDER)}, quick=False),
    "training.train": Entry({
        "rule": rule(), "data": dataset(), "optimizer": optimizer(), "epochs": integer(0, good=(0, 1)),
        "batch_size": integer(1, 12, good=(4, np.uint8(5))), "rng": rng().or_none(), "augment": AUGMENT,
        "record": Kind((None, Fresh(list)), {**without("None", "a list of strange things"), "a number": 5,
                                             "a word": "abc", "a tuple": ()}),
        "lr_at": SCHEDULE, "decay_at": SCHEDULE,
        "folder": path(None, NEW_FOLDER).but(without=("None",), a_file=FILE),
        "resume": flag().only(False), "checkpoint_every": EVERY, "about": ABOUT, "progress": CALLED,
        "persistence": flag(), "stop": function(None, lambda rows: False).but(without=("None",), a_class=dict),
        "settings": ABOUT}),
    "blas_threads": Entry({"n": integer(1, good=(1,))}),
}


def written(text):
    (FOLDER / "record.jsonl").write_text(text)
    return FOLDER / "record.jsonl"


# ------------------------------------------------------------------------------------------------------------- runs

MODEL = word("mlp").but(without=("a function", "a class"), a_function_of_nothing=task, a_class=fa.networks.Network,
                        no_such_file="none.py:f")
DATA = Kind((Fresh(task),), {**without("a function"), "an unknown word": "nonsense", "empty": "", "a number": 5,
                             "a flag": True, "a split": task().train, "a function of two": lambda a, b: None,
                             "a list": ["digits"], "an array": np.ones((4, 4))})
RUN = {
    "model": MODEL, "data": DATA, "data_dir": path(None).but(a_folder=FOLDER, without=("None",)),
    "test_share": number(0, 1, good=(None,)).but(without=("None",)),
    "label_column": Kind((None,), {"a word": "label", "a number": 1, "a list": ["a"]}),
    "validation": number(0, 1, high_open=True, good=(0.0, 0.25)), "shuffled_labels": flag(),
    "epochs": integer(0, good=(0,)).or_none().only(0), "batch_size": integer(1, good=(4,)).or_none().only(4),
    "lr": LR.or_none(), "momentum": MOMENTUM.or_none(),
    "lr_milestones": MILESTONES.or_none(), "lr_factor": POSITIVE.or_none(), "decay": PRESET.or_none(),
    "optimizer": word("sgd", "adam").or_none(), "hidden": several(integer(1, good=(4,)), None, (5,), [4, 3], (),
                                                                empty=False).but(without=("None",)),
    "activation": word("relu", "tanh").or_none(),
    "init": word("xavier-uniform", "orthogonal").or_none(), "dtype": dtype().but(None, without=("no dtype",)),
    "augment": word("none").or_none(), "persistence": flag(),
}
LIST = several(integer(1, good=(2,)))
OPTIONS = Kind((None, {}, {"density": 0.9}), {**without("None", "a dict"), "a word": "abc", "a number": 5,
                                               "an unknown option": {"depth": 3}, "a number as name": {5: 3},
                                               "a word as density": {"density": "a"},
                                               "a list of pairs": [("density", 1)]})
EXECUTOR = Kind((None,), {**without("None"), "a number": 5, "a word": "processes", "a flag": True})
RULES = Kind((["fa"], "fa", ("bp", "fa"), [fa.rules.FeedbackAlignment]), {
    **without("a list of strange things"), "an unknown word": "nonsense", "a number": 5, "an empty list": [],
    "empty": "", "a list with None": ["fa", None], "a list with a number": [5], "twice the same": ["fa", "fa"],
    "a class of another kind": [fa.layers.ReLU], "an option that it lacks": "fa:depth=3", "a rule": Fresh(
        lambda: rule().good[0].make())})
SEEDS = integer(1, good=(1,)).but([3], (0, 1), np.array([1, 2]), without=("a list", "an array"),
                                  twice_the_same=[1, 1], an_empty_list=[], words_inside=["a"],
                                  negative_inside=[-1], NaN_inside=[np.nan], floats_inside=[1.0])
SWEPT = {"lr": RUN["lr"].but([0.1, 0.01], without=("a list", "an array")).but(a_list_of_words=["a"], an_empty_list=[],
                                                                             a_list_with_NaN=[np.nan]),
         "batch_size": RUN["batch_size"].but([4, 5], without=("a list", "an array")).but(an_empty_list=[],
                                                                                       a_list_of_words=["a"])}
FINISHED = Kind((None,), {**without("None"), "a number": 5, "a word": "folder", "a path": FOLDER})
CHANCES = {"executor": EXECUTOR, "progress": CALLED, "on_failure": CALLED, "finished": FINISHED}
TABLE |= {
    "Run": Entry({"rule": RULE.only("fa"), "seed": integer(0, huge=1.5), **RUN, "options": Kind(
        ((), (("density", 0.9),)), {**without("an empty dict"), "a word": "abc", "a number": 5, "an unknown option":
                                    (("depth", 3),), "words": ("density",), "a dict": {"density": 1}})}),
    "Run.with_seed": Entry({"seed": integer(0, huge=1.5)}, on=lambda: fa.Run("fa", data=task(), epochs=0)),
    "Run.train": Entry({"folder": path(None, NEW_FOLDER).but(without=("None",), a_file=FILE), "resume": flag(),
                        "checkpoint_every": EVERY, "progress": CALLED},
                       on=lambda: fa.Run("fa", data=task(), epochs=0, batch_size=4)),
    "compare": Entry({"rules": RULES, "seeds": SEEDS, "options": OPTIONS, **CHANCES, **(RUN | SWEPT)}),
    "load": Entry({"folder": path(FOLDER).but(no_such_folder="no/such", an_empty_folder=FOLDER)}, quick=False),
    "models.fit": Entry({"model": word("mlp").but(without=("a function", "a class")), "data": dataset(),
                         "hidden": RUN["hidden"], "activation": RUN["activation"], "init": RUN["init"],
                         "dtype": RUN["dtype"], "rng": rng()}),
    "models.reconstructing": Entry({"data": dataset()}),
}

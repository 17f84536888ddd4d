"""What a user brings to a run, a rule, data or a network: how each is found, what it is called, and what is in it.

    data     a Dataset, FILE.npz, FILE.csv, a function (rng) -> Dataset, or FILE.py:FUNCTION
    model    a function (data, rng) -> Network, or FILE.py:FUNCTION

Files and functions travel to other processes by their names, a Dataset whole. All of them decide a run's numbers by
their content, see `contents`. A file that such a file imports is not looked at.
"""

import inspect
import pathlib

from feedbackalign import data as datasets
from feedbackalign import rules
from feedbackalign.data import own
from feedbackalign.rules import user_file
from feedbackalign.rules.user_file import UserFileError
from feedbackalign.runs import models
from feedbackalign.validation import describe, require_known

EXAMPLES = {"data": "my_data.py:make", "model": "my_net.py:convnet"}


def is_own(thing, names):
    """Whether this is something of the user's own, not one of these names."""
    return not (isinstance(thing, str) and thing in names)


def require_model(model):
    """Refuse what is neither a model's name nor a function."""
    if isinstance(model, str) and ".py" not in model:
        require_known(model, models.MODELS, "model")
    else:
        function(model, "model")


def require_data(data):
    """Refuse what is neither a data set's name nor data of one's own; -> the same, a path as text."""
    data = str(data) if isinstance(data, pathlib.PurePath) else data
    if isinstance(data, str) and not own.is_file(data) and ".py" not in data:
        return require_known(data, datasets.LOADERS, "data set")
    if not isinstance(data, (str, datasets.Dataset)):
        function(data, "data")
    return data


def require_options(run):
    """Refuse options of `data` that this data does not have."""
    is_file = isinstance(run.data, str) and own.is_file(run.data)
    options = () if is_file else ("test_share", "label_column")
    for option in options if not is_own(run.data, datasets.LOADERS) else (*options, "data_dir"):
        if getattr(run, option) is not None:
            raise ValueError(f"{option}: data {name_of(run.data)} does not take it, got {getattr(run, option)!r}")


def function(thing, what):
    """The function behind `data` or `model`: itself, or FILE.py:FUNCTION's."""
    found = user_file.find_in_file(thing, what, EXAMPLES[what]) if isinstance(thing, str) else thing
    path, _, name = thing.rpartition(":") if isinstance(thing, str) else (None, None, getattr(thing, "__name__", ""))
    if inspect.isfunction(found):
        takes = {"data": ("rng",), "model": ("data", "rng")}[what]
        try:
            inspect.signature(found).bind(*takes)
        except TypeError as error:
            where = f"{what} {name}" if path is None else f"{what} file {path}"
            raise UserFileError(f"{where}: {name} is called with ({', '.join(takes)}): {error}") from error
        return found
    if isinstance(thing, str):
        held = "nothing of that name" if found is None else describe(found)
        raise UserFileError(f"{what} file {path}: expected a function called {name!r}, got {held}")
    kinds = "a name, a path, a Dataset or a function" if what == "data" else "a name or a function"
    raise TypeError(f"{what}: expected {kinds}, got {describe(thing)}")


def load(data, rng, form, **options):
    """Data of one's own: arrays of a file in this form, a Dataset as it is."""
    if isinstance(data, datasets.Dataset):
        return data
    if isinstance(data, str) and own.is_file(data):
        return own.in_form(own.read(data, **options), form)
    made = function(data, "data")(rng)
    if not isinstance(made, datasets.Dataset):
        raise TypeError(f"data {name_of(data)}: expected a feedbackalign.data.Dataset, got {describe(made)}")
    return made


def name_of(thing):
    """What rows, tables and figures call data or a model.

    >>> name_of("digits"), name_of("folder/mine.npz"), name_of("my_net.py:convnet"), name_of(is_own)
    ('digits', 'mine.npz', 'convnet', 'is_own')
    """
    if isinstance(thing, str):
        return pathlib.PurePath(thing).name if own.is_file(thing) else thing.rpartition(":")[2]
    return thing.name if isinstance(thing, datasets.Dataset) else thing.__name__


def contents(run):
    """{name: sha256} of what is the user's own in a run: files by their bytes, a Dataset by its arrays.

    None in place of a sum where no file says all: a class or function typed into a running Python, or made by another
    function.
    """
    found = {}

    def note(name, sha256):
        sums = (found.get(name) or "").split()                      # two files of one name
        found[name] = None if sha256 is None else " ".join([*sums, *({sha256} - set(sums))])

    code = [rules.find(run.rule)]
    if is_own(run.model, models.MODELS):
        code.append(function(run.model, "model"))
    if isinstance(run.data, datasets.Dataset):
        note(f"data {run.data.name}", run.data.sha256)
    elif isinstance(run.data, str) and own.is_file(run.data):
        note(name_of(run.data), own.sha256_of(run.data))
    elif is_own(run.data, datasets.LOADERS):
        code.append(function(run.data, "data"))
    for thing in filter(user_file.is_own, code):
        file = user_file.file_of(thing)
        known = file is not None and "<" not in thing.__qualname__         # not a lambda, and in no function
        note(*((file.name, own.sha256_of(file)) if known else (thing.__name__, None)))
    return found


def require_importable(run):
    """Refuse a class or function that worker processes would not find by its name."""
    for what in ("rule", "model", "data"):
        thing = getattr(run, what)
        if (inspect.isclass(thing) or inspect.isfunction(thing)) and not user_file.can_be_imported(thing):
            example = EXAMPLES.get(what, "my_rule.py:MyRule")
            raise TypeError(f"{what} {thing.__name__}: other processes cannot import it; save it in a file, at its top "
                            f"level, and give that as {example!r}")

"""What a rule's options mean, read off the docstring of its class, so that nothing is written twice."""

import ast
import functools
import inspect
import itertools
import re
import sys
import textwrap

ENTRY = re.compile(r"(\w+(?:, \w+)*) : (.+)")               # "free_steps, nudged_steps : int"


def option_help(kind):
    """{parameter: "kind of value: what it means"}, from the rule's class, then the classes above it.

    Parameters
    ----------
    kind : class
        Whose docstring has a section Parameters like this one: `name : kind of value`, and its meaning indented below.
        What it leaves out is looked for in the classes that it names in `options_explained_in`.

    >>> from feedbackalign.rules import FeedbackAlignment
    >>> option_help(FeedbackAlignment)["density"]
    'float in (0, 1]: Share of feedback synapses that exist; the others stay zero.'
    """
    found = {}
    for above in [*kind.options_explained_in, *reversed(kind.__mro__)]:
        found |= _entries(docstring(above))
    return found


@functools.cache                            # a source takes long to read
def docstring(thing):
    """The docstring of a module, class or function, "" for none. python -OO drops them: there it is read in the source.

    >>> docstring(option_help).split(",")[0]
    '{parameter: "kind of value: what it means"}'
    """
    if sys.flags.optimize < 2:
        return inspect.cleandoc(thing.__doc__ or "")
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(thing)))
    except (OSError, TypeError, SyntaxError):               # typed into a running Python
        return ""
    return ast.get_docstring(tree if inspect.ismodule(thing) else tree.body[0]) or ""


def _entries(text):
    """{name: "kind of value: meaning"} of one docstring's section Parameters."""
    lines = text.splitlines()
    start = next((place + 2 for place, line in enumerate(lines) if line == "Parameters"), len(lines))
    entries, names = {}, []                                     # {name: [kind of value, lines of its meaning]}
    for line in itertools.takewhile(bool, lines[start:]):       # up to an empty line
        if line.startswith(" "):
            for name in names:
                entries[name].append(line.strip())
            continue
        entry = ENTRY.fullmatch(line)                           # None: `network, rng`, which are as in another class
        names = entry[1].split(", ") if entry else []
        entries |= {name: [entry[2]] for name in names}
    return {name: ": ".join(filter(None, [kind, " ".join(meaning)])) for name, (kind, *meaning) in entries.items()}

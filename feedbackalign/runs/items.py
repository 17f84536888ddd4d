"""The items of a comparison: which rule, with which options of its own.

    pfa                                              a name of the table
    pfa:expansion=2                                  the same with an option
    my_rule.py:MyRule:rank=2:density=0.5             a class in a file, with two

Options are split off from the right as long as the part after the last ":" reads like one; so a file may have a colon
in its path, as on Windows.
"""

import math
import os
import re

OPTION = re.compile(r"([a-z][a-z0-9_-]*)=([^:,]+)")
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)
DIGITS = 18                         # of an integer: a longer one is no count and no seed


def split_item(item):
    """An item -> (rule, {option: value}); a class passes through.

    >>> split_item("pfa:expansion=2")
    ('pfa', {'expansion': 2})
    >>> split_item(r"C:\\x\\my_rule.py:MyRule:mirror-rate=0.5:kind=fixed")
    ('C:\\\\x\\\\my_rule.py:MyRule', {'mirror_rate': 0.5, 'kind': 'fixed'})
    """
    rule, options = item, {}
    while isinstance(rule, str):
        rest, colon, last = rule.rpartition(":")
        found = OPTION.fullmatch(last)
        if not colon or not found:
            break
        name = found[1].replace("-", "_")
        if name in options:
            raise ValueError(f"{item}: expected every option once, got {name} twice")
        rule, options = rest, {name: number_or_word(found[2]), **options}
    return rule, options


def split_list(text):
    """Items with commas between -> a list; what as a whole names a class in a file that exists is one item.

    >>> split_list("bp, pfa:expansion=2")
    ['bp', 'pfa:expansion=2']
    """
    path = split_item(text.strip())[0].rpartition(":")[0]
    if path.endswith(".py") and os.path.isfile(path):
        return [text.strip()]
    return split_words(text)


def split_words(text):
    """Words with commas between -> a list; a comma may end it, ValueError where another stands beside no word.

    >>> split_words("bp, fa,")
    ['bp', 'fa']
    """
    *found, last = (word.strip() for word in text.split(","))
    found += [last] if last else []
    if not found or "" in found:
        raise ValueError(f"expected something between the commas, got {text!r}")
    return found


def number(text, kind):
    """A finite number of this kind as people write it, int or float; ValueError for all else that Python would take.

    >>> number("1e-4", float), number("12", int)
    (0.0001, 12)
    >>> for word in ("nan", "1_0", "9" * 400):
    ...     number_or_word(word) == word
    True
    True
    True
    """
    text = text.strip()
    found = kind(text) if NUMBER.fullmatch(text) else math.nan
    if not abs(found) < (10**DIGITS if kind is int else math.inf):
        raise ValueError(f"expected a finite number, got {text!r}")
    return found


def number_or_word(text):
    """
    >>> number_or_word("10"), number_or_word("1e-4"), number_or_word("equal"), number_or_word("true")
    (10, 0.0001, 'equal', True)
    >>> number_or_word("None") is None, number_or_word("none")          # exactly this word, no other spelling
    (True, 'none')
    """
    if text == "None":
        return None
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    for kind in (int, float):
        try:
            return number(text, kind)
        except ValueError:
            continue
    return text

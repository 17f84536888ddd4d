"""From a word of the command line to a value: lists, seeds, numbers, formats. A bad one is an ArgumentTypeError."""

import argparse

from feedbackalign.figures import FORMATS, THEMES
from feedbackalign.figures.style import check_size
from feedbackalign.runs.items import DIGITS, number, number_or_word, split_list, split_words
from feedbackalign.validation import describe

NUMBERS = {int: "an integer", float: "a finite number"}


def words(text, split=split_words):
    """
    >>> words("bp, fa")
    ['bp', 'fa']
    """
    try:
        return split(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def rule_items(text):
    """
    >>> rule_items("bp, pfa:expansion=2")
    ['bp', 'pfa:expansion=2']
    """
    return words(text, split_list)


def folder(text):
    """
    >>> folder("my-run")
    'my-run'
    """
    if not text.strip():
        raise argparse.ArgumentTypeError(f"expected the name of a folder, got {text!r}")
    return text


def integers(text):
    """
    >>> integers("64,32")
    (64, 32)
    """
    return tuple(one(int)(word) for word in words(text))


def seeds(text):
    """A count, or a list where there is a comma.

    >>> seeds("3"), seeds("4,7"), seeds("4,")
    (3, [4, 7], [4])
    """
    numbers = integers(text)
    return list(numbers) if "," in text else numbers[0]


def one(kind):
    """A function from a word to a number of this kind: a list is refused.

    >>> one(float)("0.1")
    0.1
    """
    def read(text):
        try:
            return number(text, kind)
        except ValueError:
            hint = ", one alone: lists are for compare" if "," in text else ""
            if kind is int and text.strip().lstrip("+-").isdecimal():
                hint = f" of at most {DIGITS} digits"
            raise argparse.ArgumentTypeError(f"expected {NUMBERS[kind]}{hint}, got {describe(text)}") from None
    return read


def one_or_several(kind):
    """A function from a word to a number of this kind, or to a list of them where there is a comma.

    >>> one_or_several(float)("0.1"), one_or_several(int)("32,64")
    (0.1, [32, 64])
    """
    def numbers(text):
        found = [one(kind)(word) for word in words(text)]
        return found if "," in text else one(kind)(text)
    return numbers


def decay(text):
    """A number, or a word that names a preset; None is no number.

    >>> decay("0.01"), decay("equal"), decay("None")
    (0.01, 'equal', 'None')
    """
    found = number_or_word(text)
    return text if found is None else found


def size(text):
    """
    >>> size("8x4.5")
    (8.0, 4.5)
    """
    try:
        return check_size([number(side, float) for side in text.lower().split("x")])
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"expected WIDTHxHEIGHT in inches, from 1 to 100, got "
                                         f"{describe(text)}") from error


def theme(text):
    """
    >>> theme("dark")
    'dark'
    """
    if text not in THEMES:
        raise argparse.ArgumentTypeError(f"expected one of {', '.join(THEMES)}, got {text!r}")
    return text


def formats(text):
    """
    >>> formats("png,svg")
    ['png', 'svg']
    """
    chosen = words(text)
    if not set(chosen) <= set(FORMATS):
        raise argparse.ArgumentTypeError(f"expected some of {', '.join(FORMATS)}, got {text!r}")
    return chosen

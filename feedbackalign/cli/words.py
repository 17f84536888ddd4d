"""From a word of the command line to a value: lists, seeds, numbers, formats. A bad one is an ArgumentTypeError."""

import argparse

from feedbackalign.figures import FORMATS


def words(text):
    """
    >>> words("bp, fa")
    ['bp', 'fa']
    """
    return [word.strip() for word in text.split(",") if word.strip()]


def integers(text):
    """
    >>> integers("64,32")
    (64, 32)
    """
    try:
        return tuple(int(word) for word in words(text))
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected integers with commas between, got {text!r}") from None


def seeds(text):
    """A count, or a list where there is a comma.

    >>> seeds("3"), seeds("4,7"), seeds("4,")
    (3, [4, 7], [4])
    """
    numbers = integers(text)
    if not numbers:
        raise argparse.ArgumentTypeError(f"expected a count such as 3 or a list such as 4,7, got {text!r}")
    return list(numbers) if "," in text else numbers[0]


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
            return kind(text)
        except ValueError:
            continue
    return text


def formats(text):
    """
    >>> formats("png,svg")
    ['png', 'svg']
    """
    chosen = words(text)
    if not chosen or not set(chosen) <= set(FORMATS):
        raise argparse.ArgumentTypeError(f"expected some of {', '.join(FORMATS)}, got {text!r}")
    return chosen

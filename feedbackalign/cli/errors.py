"""Errors in one line on stderr, and which of them are mistakes in the command line."""

import contextlib
import traceback

import numpy as np

from feedbackalign.cli.arguments import UsageError
from feedbackalign.cli.streams import note
from feedbackalign.data import DataError
from feedbackalign.rules.user_file import UserFileError, place_of


def complain(error, status, debug=False):
    """Print one line on stderr, after the traceback with `debug`: -> status."""
    if debug:
        note(traceback.format_exc())
    note(f"feedbackalign: error: {in_one_line(error)}")
    return status


def warn(message, *where, **more):
    """In the place of `warnings.showwarning`: one line, without the place in the code."""
    note(f"feedbackalign: warning: {in_one_line(str(message))}")


def in_one_line(error):
    """The text of an error, with its type where the text alone is not clear."""
    text = " ".join(str(error).split())
    if isinstance(error, MemoryError):
        return f"out of memory: {text or 'smaller layers or batches may help'}"
    if isinstance(error, Exception) and place_of(error):
        return f"{place_of(error)}: {type(error).__name__}: {text}"
    if isinstance(error, OSError) and error.strerror:
        return ": ".join(filter(None, [error.filename and str(error.filename), error.strerror]))
    if isinstance(error, np.linalg.LinAlgError):
        return f"a linear system has no solution, for its numbers became too large or too small ({text})"
    if isinstance(error, (str, ValueError, TypeError, RuntimeError, OSError, FloatingPointError)) and text:
        return text
    return f"{type(error).__name__}: {text}"


@contextlib.contextmanager
def reading_the_line():
    """Errors in this block become a UsageError, except those of a data file or of a user's own code."""
    try:
        yield
    except DataError:
        raise
    except (ValueError, TypeError) as error:
        if place_of(error) or isinstance(error, UserFileError) and error.__cause__ is not None:
            raise                                           # the file exists, and its code raised
        raise UsageError(str(error)) from error

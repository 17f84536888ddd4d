"""Errors in one line on stderr, and which of them are mistakes in the command line."""

import contextlib
import sys
import traceback
from concurrent.futures.process import BrokenProcessPool

from feedbackalign.cli.arguments import UsageError
from feedbackalign.data import DataError
from feedbackalign.rules.user_file import UserFileError, place_of


def complain(error, status, debug=False):
    """Print one line on stderr, after the traceback with `debug`: -> status."""
    if debug:
        traceback.print_exc()
    print(f"feedbackalign: error: {in_one_line(error)}", file=sys.stderr)
    return status


def in_one_line(error):
    """The text of an error, with its type where the text alone is not clear."""
    text = " ".join(str(error).split())
    if isinstance(error, BrokenProcessPool):
        return "a worker process died; the system may have run out of memory"
    if isinstance(error, MemoryError):
        return f"out of memory: {text or 'smaller layers or batches may help'}"
    if isinstance(error, Exception) and place_of(error):
        return f"{place_of(error)}: {type(error).__name__}: {text}"
    if isinstance(error, (str, ValueError, TypeError, RuntimeError, OSError)) and text:
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

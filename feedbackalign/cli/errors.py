"""What is wrong, in one line on stderr; and whose fault it is, the command line's or that of what came later."""

import contextlib
import sys
import traceback

from feedbackalign.cli.arguments import UsageError
from feedbackalign.data import DataError
from feedbackalign.rules.table import RuleFileError


def complain(error, status, debug=False):
    """One line on stderr, after the traceback if that is wanted."""
    if debug:
        traceback.print_exc()
    print(f"feedbackalign: error: {in_one_line(error)}", file=sys.stderr)
    return status


def in_one_line(error):
    """What an error says, with its type where the text alone would not tell."""
    text = " ".join(str(error).split())
    if isinstance(error, MemoryError):
        return f"out of memory: {text or 'smaller layers or batches may help'}"
    if isinstance(error, (str, ValueError, TypeError, RuntimeError, OSError)) and text:
        return text
    return f"{type(error).__name__}: {text}"


@contextlib.contextmanager
def reading_the_line():
    """What is refused in here is the fault of the command line, unless what a file holds is to blame."""
    try:
        yield
    except DataError:
        raise
    except (ValueError, TypeError) as error:
        if isinstance(error, RuleFileError) and error.__cause__ is not None:        # it is there, and raised
            raise
        raise UsageError(str(error)) from error

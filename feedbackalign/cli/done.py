"""Which exercises are done: exercises-done.json in the present folder, which `feedbackalign exercise` alone writes.

    {"1.1": {"file": "my_solution.py", "sha256": "…"}, …}           the sha256 is that of the file with the right answer
"""

import hashlib
import json
import pathlib
import re

from feedbackalign.data import DataError
from feedbackalign.data.writing import naming, written_whole

FILE = "exercises-done.json"


def read():
    """What is done, {number: {"file": …, "sha256": …}}: {} without the file, DataError if it holds something else."""
    path = pathlib.Path(FILE)
    if not path.exists():
        return {}
    try:
        done = json.loads(path.read_text(encoding="utf-8"))
        is_ours = all(re.fullmatch(r"\d+\.\d", number) and isinstance(answer["file"], str)
                      and re.fullmatch("[0-9a-f]{64}", answer["sha256"]) for number, answer in done.items())
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        is_ours = False
    if not is_ours:
        raise DataError(f"{FILE}: expected what `feedbackalign exercise` has written there; delete it with "
                        f"`feedbackalign exercise --reset`")
    return done


def fingerprint(path):
    """The sha256 of a file, or None if it cannot be read."""
    try:
        return hashlib.sha256(pathlib.Path(path).expanduser().read_bytes()).hexdigest()
    except (OSError, ValueError):                                       # no such file, or no such name
        return None


def remember(number, path, sha256):
    """Write down that the file with this sha256 holds a right answer."""
    done = {**read(), number: {"file": pathlib.Path(path).name, "sha256": sha256}}
    with written_whole(FILE) as part:
        part.write_text(json.dumps(done, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def forget():
    """Delete the file: -> whether there was one."""
    there_was = pathlib.Path(FILE).exists()
    with naming(FILE):
        pathlib.Path(FILE).unlink(missing_ok=True)
    return there_was

"""`record.jsonl`, the rows of a run in its folder: a file that only grows, so every epoch costs the same.

A checkpoint keeps the file's length and sum, not its rows. A run that goes on takes its rows from the file, which must
still begin with what the checkpoint knows; what stands after that was written by a run that died before its next
checkpoint, and is cut off.
"""

import hashlib
import json
import os

from feedbackalign.data.writing import naming
from feedbackalign.training.state_file import CheckpointError


class RecordFile:
    """The file, and how far this run has written it: `rows`, `bytes` and the sum over them.

    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     record = RecordFile(pathlib.Path(folder, "record.jsonl"))
    ...     record.extend([{"epoch": 0}])
    ...     mark = record.mark()
    ...     record.extend([{"epoch": 0}, {"epoch": 1}])
    ...     RecordFile(record.path).rows_at(mark)
    [{'epoch': 0}]
    """

    def __init__(self, path):
        self.path = path
        self.begin()

    def begin(self):
        self.rows, self.bytes, self.sum = 0, 0, hashlib.sha256()

    def extend(self, rows):
        """Write those of the run's rows that are new; all of them if it is new, or the file is not as it was left."""
        if not self.path.exists() or self.path.stat().st_size != self.bytes:
            self.begin()
        if len(rows) == self.rows:
            return
        lines = "".join(json.dumps(row, allow_nan=False) + "\n" for row in rows[self.rows:]).encode()
        with naming(self.path), open(self.path, "ab" if self.bytes else "wb") as file:
            file.write(lines)
            file.flush()
            os.fsync(file.fileno())                     # a checkpoint that tells of these rows comes next
        self._count(len(rows) - self.rows, lines)

    def _count(self, rows, lines):
        self.rows += rows
        self.bytes += len(lines)
        self.sum.update(lines)

    def mark(self):
        """What a checkpoint keeps of the file: {"bytes": length, "sha256": sum}."""
        return {"bytes": self.bytes, "sha256": self.sum.hexdigest()}

    def rows_at(self, mark):
        """The rows with which the file was marked; CheckpointError if it does not begin with them any longer."""
        self.begin()
        try:
            with open(self.path, "rb") as file:
                lines = file.read(min(mark["bytes"], os.fstat(file.fileno()).st_size))
        except OSError as error:
            raise self.lost(f"cannot be read ({error.strerror})") from error
        rows = lines.splitlines()
        self._count(len(rows), lines)
        if self.mark() != mark:
            raise self.lost("does not begin with the rows that were written")
        return [json.loads(row) for row in rows]

    def lost(self, what):
        return CheckpointError(f"{self.path}: {what}, and the run goes on from its rows: put the record back, or "
                               f"remove the checkpoint.npz beside it to start again")

    def cut(self):
        """Drop what stands after the mark."""
        if self.path.stat().st_size > self.bytes:
            os.truncate(self.path, self.bytes)

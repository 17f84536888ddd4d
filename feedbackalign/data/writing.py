"""Files are written whole or not at all, and an error says which one it was."""

import contextlib
import os
import pathlib


@contextlib.contextmanager
def naming(path):
    """OSErrors in this block name the file; a full disk by itself says no name.

    >>> with naming("rows.json"):
    ...     raise OSError(28, "No space left on device")
    Traceback (most recent call last):
    ...
    OSError: rows.json: cannot be written (No space left on device)
    """
    try:
        yield
    except OSError as error:
        raise OSError(f"{path}: cannot be written ({error.strerror or error})") from error


@contextlib.contextmanager
def written_whole(path):
    """A name to write to in this block, which becomes `path` at its end; after an error there is neither.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "rows.json")
    ...     with written_whole(path) as part:
    ...         size = part.write_text("[]")
    ...     path.read_text()
    '[]'
    """
    path = pathlib.Path(path)
    part = path.with_name(path.name + ".part")
    with naming(path):
        try:
            yield part
            os.replace(part, path)
        finally:
            part.unlink(missing_ok=True)

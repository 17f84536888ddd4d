"""What the tests of command lines share."""

import pytest

from tests.cli.short_runs import fill


@pytest.fixture(scope="session")
def files(tmp_path_factory):
    """A folder with files of every kind that a line may name."""
    folder = tmp_path_factory.mktemp("files")
    fill(folder)
    return folder

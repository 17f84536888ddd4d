"""The memory of freed arrays is kept: no page of it comes anew from the system."""

import platform
import subprocess
import sys

import pytest

from feedbackalign.training import loop
from tests.small_runs import SmallRun

FAULTS = """
import resource
import numpy as np
from feedbackalign.training.memory import keep_freed_memory

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(20):
        [np.ones(300_000) for _ in range(4)]
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

first = faults()
keep_freed_memory()
faults()
print(first, faults())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other libraries have rules of their own")
def test_freed_memory_is_there_for_the_next_arrays():
    done = subprocess.run([sys.executable, "-c", FAULTS], capture_output=True, text=True)
    first, later = map(int, done.stdout.split())
    assert later < first / 10, done.stderr


def test_training_asks_for_it_once(monkeypatch):
    asked = []
    monkeypatch.setattr(loop, "keep_freed_memory", lambda: asked.append("once"))
    SmallRun("bp").train(epochs=2)
    assert asked == ["once"]

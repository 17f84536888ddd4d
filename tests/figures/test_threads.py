"""Figures in four threads: each as if it were drawn alone, and matplotlib's settings as they were."""

import concurrent.futures

import matplotlib
import pytest

import feedbackalign as fa
from feedbackalign.figures import FIGURES, save
from tests.figures.records import record

SIZES = [(3.2, 1.8), (2.4, 1.35), (4.8, 2.7), (3.2, 2.4)]
ROWS = record(("bp", "fa"), seeds=2, epochs=3)
KINDS = [(name, theme) for name in FIGURES for theme in ("light", "dark")]
JOBS = [(*KINDS[k % len(KINDS)], SIZES[k % len(SIZES)], ("png", "svg")[k % 2]) for k in range(12)]


def drawn(job, folder):
    """The bytes of one figure."""
    name, theme, size, suffix = job
    path = folder / f"{name}-{theme}-{JOBS.index(job)}.{suffix}"
    return save(FIGURES[name](ROWS, size=size, theme=theme), path).read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize("count", [4, 12])
def test_figures_in_threads_are_as_alone_and_leave_the_settings(tmp_path, count):
    jobs = JOBS[:count]
    alone = [drawn(job, tmp_path) for job in jobs]
    with matplotlib.rc_context({"font.size": 7.25, "axes.facecolor": "pink"}):
        before = dict(matplotlib.rcParams)
        with concurrent.futures.ThreadPoolExecutor(4) as threads:
            together = list(threads.map(lambda job: drawn(job, tmp_path), jobs))
        assert dict(matplotlib.rcParams) == before
    assert together == alone


def test_an_error_lets_go_of_the_settings_and_of_the_turn(tmp_path):
    before = dict(matplotlib.rcParams)
    with pytest.raises(RuntimeError), fa.figures.slide():
        raise RuntimeError
    assert dict(matplotlib.rcParams) == before
    with concurrent.futures.ThreadPoolExecutor(1) as threads:
        assert threads.submit(drawn, JOBS[0], tmp_path).result(timeout=60)

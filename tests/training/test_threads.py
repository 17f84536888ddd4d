"""The number of BLAS threads: that of the real library in processes of their own, and of a pretended one here."""

import os
import subprocess
import sys
import threading
import types

import pytest
from hypothesis import given
from hypothesis import strategies as st

import feedbackalign as fa
from feedbackalign.cli import commands
from feedbackalign.training import blas_threads, threads
from feedbackalign.training.threads import THREAD_VARIABLES, number_of_threads, one_thread_unless_told
from tests.small_runs import SmallRun

START = 4                           # threads of the pretended library before anybody asks


class Library:
    """Holds a number, as a matrix library does, and remembers all that were set."""

    def __init__(self):
        self.number, self.history = START, []

    def set(self, n):
        self.number = n
        self.history.append(n)

    def get(self):
        return self.number


@pytest.fixture
def library(monkeypatch):
    """A pretended library, and an environment that says nothing."""
    pretended = Library()
    monkeypatch.setattr(threads, "_switch", lambda: (pretended.set, pretended.get))
    for variable in THREAD_VARIABLES:
        monkeypatch.delenv(variable, raising=False)
    return pretended


def in_a_process(code, **variables):
    """Run code with these variables of the environment and no other of THREAD_VARIABLES: -> what it prints."""
    environment = {name: value for name, value in os.environ.items() if name not in THREAD_VARIABLES} | variables
    start = ("import feedbackalign as fa\n"
             "from feedbackalign.training.threads import number_of_threads as number\n")
    return subprocess.run([sys.executable, "-c", start + code], env=environment, check=True, text=True,
                          capture_output=True).stdout.split()


# -------------------------------------------------------------------------------------------------- the real library

needs_a_switch = pytest.mark.skipif(number_of_threads() is None, reason="this NumPy's matrix library has no switch")


@needs_a_switch
def test_the_real_number_follows_blocks_and_plain_calls():
    code = """
before = number()
with fa.blas_threads(3):
    print(number())
    with fa.blas_threads(2):
        print(number())
    print(number())
print(number() == before)
fa.blas_threads(2)
with fa.blas_threads(3):
    pass
print(number())
"""
    assert in_a_process(code) == ["3", "2", "3", "True", "2"]


@needs_a_switch
def test_training_really_takes_one_thread_and_gives_it_back():
    code = """
before, inside = number(), set()
rows = fa.compare(["bp"], seeds=1, epochs=1, hidden=(4,), progress=lambda news: inside.add(number()))
print(*inside, *(row["threads"] for row in rows), number() == before)
with fa.blas_threads(2):
    print(*(row["threads"] for row in fa.Run("bp", epochs=1, hidden=(4,)).train()))
"""
    assert in_a_process(code) == ["1", "1", "1", "True", "2", "2"]


@needs_a_switch
def test_nothing_happens_at_import_nor_against_the_environment():
    code = """
from feedbackalign.training import threads
print(threads._switch.cache_info().currsize)
threads._set(3)
print(*(row["threads"] for row in fa.Run("bp", epochs=1, hidden=(4,)).train()), number())
"""
    assert in_a_process(code, MKL_NUM_THREADS="3") == ["0", "3", "3", "3"]


# ----------------------------------------------------------------------------------------------- nesting and threads

@given(st.lists(st.tuples(st.booleans(), st.integers(1, 9)), max_size=12))
def test_the_block_opened_last_counts_whatever_the_order_of_leaving(moves):
    library, open_blocks = Library(), []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(threads, "_switch", lambda: (library.set, library.get))
        for opens, number in moves:
            if opens:
                open_blocks.append(blas_threads(number))
            elif open_blocks:
                open_blocks.pop(number % len(open_blocks)).__exit__(None, None, None)
            assert number_of_threads() == (open_blocks[-1].n if open_blocks else START)
        for block in open_blocks:
            block.__exit__(None, None, None)
        assert number_of_threads() == START and not threads._held


def test_a_block_may_be_entered_again_and_ends_with_an_error(library):
    block = blas_threads(2)
    for _ in range(2):
        with pytest.raises(KeyError), block:
            assert number_of_threads() == 2
            raise KeyError
        assert number_of_threads() == START and not threads._held


def test_a_training_that_ends_leaves_one_thread_to_another_that_goes_on(library):
    first, second = one_thread_unless_told(), one_thread_unless_told()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert number_of_threads() == 1
    second.__exit__(None, None, None)
    assert number_of_threads() == START


def test_many_threads_leave_the_number_as_it_was(library):
    together, wrong = threading.Barrier(8), []

    def work(n):
        together.wait()
        for _ in range(200):
            with blas_threads(n):
                if number_of_threads() not in range(1, 9):
                    wrong.append(number_of_threads())
            with one_thread_unless_told():
                pass

    workers = [threading.Thread(target=work, args=(n,)) for n in range(1, 9)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert not wrong and number_of_threads() == START and not threads._held


@pytest.mark.parametrize("n, error", [(0, ValueError), (-1, ValueError), (1.5, TypeError), (True, TypeError)])
def test_what_is_no_number_of_threads(n, error, library):
    with pytest.raises(error, match="^n: expected an integer of at least 1"):
        blas_threads(n)
    assert not threads._held and not library.history


# ------------------------------------------------------------------------------------------------------- who holds it

def test_training_holds_one_unless_told(library, monkeypatch):
    assert {row["threads"] for row in SmallRun("bp").train(epochs=1)} == {1} and number_of_threads() == START
    with blas_threads(3):
        assert {row["threads"] for row in SmallRun("bp").train(epochs=1)} == {3} and number_of_threads() == 3
    monkeypatch.setenv("MKL_NUM_THREADS", "2")
    assert {row["threads"] for row in SmallRun("bp").train(epochs=1)} == {START}


def test_a_row_says_the_number_that_was_read_whatever_the_caller_says(library):
    assert {row["threads"] for row in SmallRun("bp").train(epochs=1, about={"threads": 7})} == {1}


def test_a_comparison_in_this_process_is_held_from_its_data_on(library, monkeypatch):
    seen, build = [], fa.Run.build
    monkeypatch.setattr(fa.Run, "build", lambda run: seen.append(number_of_threads()) or build(run))
    fa.compare(["bp", "fa"], seeds=1, epochs=0, hidden=(4,))
    assert seen == [1, 1] and number_of_threads() == START


@pytest.mark.parametrize("name", fa.figures.EXPERIMENTS)
def test_every_experiment_measures_with_one(name, library):
    measure, _ = fa.figures.EXPERIMENTS[name]
    with pytest.raises(ValueError if name == "topology" else TypeError, match="nobody"):    # a setting of compare's
        measure(nobody=0)                               # it ends at once, but inside
    assert set(library.history[:-1]) == {1} and number_of_threads() == START


def test_commands_hold_one_and_an_experiment_as_many_as_asked(library, monkeypatch, tmp_path):
    seen = []
    monkeypatch.setitem(commands.COMMANDS, "rules", lambda arguments: seen.append(number_of_threads()))
    experiment = (lambda: seen.append(number_of_threads()) or [], fa.figures.filtration)
    monkeypatch.setitem(fa.figures.EXPERIMENTS, "filtration", experiment)
    monkeypatch.setattr(commands, "write_figure", lambda *given: "")
    assert commands.main(["rules"]) == 0
    assert commands.main(["figure", "filtration", "--threads", "3", "--out", str(tmp_path)]) == 0
    assert seen == [1, 3] and number_of_threads() == START


# -------------------------------------------------------------------------------------------------- where it is found

def libraries(monkeypatch, files):
    """Pretend that these files are all that can be loaded: {part of a path: the names in it}."""
    def load(file):
        for part, names in files.items():
            if part in file:
                return types.SimpleNamespace(**{name: name for name in names})
        raise OSError(f"{file}: cannot open shared object file")
    monkeypatch.setattr(threads.ctypes, "CDLL", load)


@pytest.mark.parametrize("place, names", list(enumerate(threads.SWITCHES)))
def test_pairs_are_asked_in_their_order_and_a_half_one_is_none(place, names, monkeypatch):
    later = [name for pair in threads.SWITCHES[place:] for name in pair]
    half = [pair[0] for pair in threads.SWITCHES[:place]]
    libraries(monkeypatch, {"_multiarray_umath": half + later})
    assert threads._switch.__wrapped__() == names


def test_on_windows_the_library_lies_beside_numpy(monkeypatch, tmp_path):
    folder = tmp_path / "numpy.libs"
    folder.mkdir()
    (folder / "libopenblas64_.dll").touch()
    monkeypatch.setattr(threads, "np", types.SimpleNamespace(__file__=str(tmp_path / "numpy" / "__init__.py")))
    libraries(monkeypatch, {"_multiarray_umath": ["PyInit__multiarray_umath"], "libopenblas64_": threads.SWITCHES[1]})
    assert threads._switch.__wrapped__() == threads.SWITCHES[1]


@pytest.mark.parametrize("files", [{}, {"_multiarray_umath": ["cblas_sgemm"]}])
def test_without_a_switch_nothing_happens_and_rows_hold_null(files, monkeypatch):
    libraries(monkeypatch, files)
    found = threads._switch.__wrapped__()
    assert found is None
    monkeypatch.setattr(threads, "_switch", lambda: found)
    with blas_threads(2):
        assert number_of_threads() is None
    assert [row["threads"] for row in SmallRun("bp").train(epochs=1)] == [None, None]

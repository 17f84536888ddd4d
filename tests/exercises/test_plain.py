"""Whatever a function gives back gets one sentence: nothing of it is called, copied or compared that could do harm."""

import fractions
import types

import numpy as np
import pytest

from feedbackalign import exercises
from feedbackalign.exercises.judge import judge
from feedbackalign.exercises.plain import plain


class Evil:
    """All that Python may ask of an object fails."""

    def fail(self, *arguments, **named):
        raise ZeroDivisionError("evil")
    __eq__ = __ne__ = __lt__ = __bool__ = __len__ = __iter__ = __getitem__ = __float__ = __int__ = __index__ = fail
    __repr__ = __str__ = __array__ = __copy__ = __deepcopy__ = __reduce_ex__ = __hash__ = __getattr__ = fail
    __sub__ = __rsub__ = __abs__ = __array_ufunc__ = __format__ = __contains__ = fail
    __class__ = property(fail)


class EvilTuple(tuple):
    __iter__ = __len__ = __getitem__ = __eq__ = __repr__ = Evil.fail


class EvilArray(np.ndarray):
    __eq__ = __repr__ = __array_ufunc__ = __array_function__ = Evil.fail
    shape = dtype = size = property(Evil.fail)


def evil_entries():
    held = np.empty(2, dtype=object)
    held[0] = held[1] = Evil()
    return held


def itself():
    held = [1.0]
    held.append(held)
    return held


def itself_in_a_dict():
    held = {}
    held["self"] = held
    return held


HOSTILE = {
    "generator": lambda: (number for number in range(3)), "module": lambda: np, "dict view": lambda: {1: 2}.items(),
    "a list that holds itself": itself, "a dict that holds itself": itself_in_a_dict, "evil": Evil,
    "evil parts": lambda: (Evil(), [Evil()]), "evil tuple": lambda: EvilTuple((1.0, 2.0)),
    "evil array": lambda: np.zeros((5, 4)).view(EvilArray), "evil entries": evil_entries,
    "masked": lambda: np.ma.masked_array(np.zeros((5, 4))), "masked constant": lambda: np.ma.masked,
    "matrix": lambda: np.asmatrix(np.zeros((5, 4))), "records": lambda: np.zeros(3, dtype="f8,i4").view(np.recarray),
    "huge view": lambda: np.broadcast_to(0.5, (10**6, 10**6)), "long list": lambda: [0.5] * 10**4,
    "deep": lambda: ((((((1.0,),),),),),), "huge number": lambda: 10**400, "huge negative": lambda: -10**5000,
    "function": lambda: print, "class": lambda: dict, "bytes": lambda: b"1.0", "set": lambda: {1.0},
    "range": lambda: range(10**9), "Ellipsis": lambda: ..., "NotImplemented": lambda: NotImplemented,
    "complex": lambda: np.complex128(1j), "complex array": lambda: np.zeros((5, 4), dtype=complex),
    "fraction": lambda: fractions.Fraction(1, 3), "time": lambda: np.timedelta64(3),
    "date": lambda: np.array(["2020-01-01"], dtype="M8[D]"), "text": lambda: "\ud800\n",
    "texts": lambda: np.array(["a", "b"]), "namespace": types.SimpleNamespace,
    "longest": lambda: np.full((5, 4), 1e308), "big-endian": lambda: np.zeros((5, 4), dtype=">f8"),
    "infinite longdouble": lambda: np.longdouble("1e4000"),
}


def sentence(number, candidate):
    verdict = judge(number, exercises.find(number), candidate)
    assert verdict.state == "wrong" and verdict.text.startswith(f"exercise {number}: not right yet: ")
    assert verdict.text.isprintable() and len(verdict.text) < 700 and verdict.text[-1] in ".?"
    assert "evil" not in verdict.text and "object has no" not in verdict.text
    return verdict.text


def asks_for(number):
    """What the right answer is: a number, an array, or a tuple."""
    exercise = exercises.find(number)
    right = exercise.right(*exercise.draw_cases()[0])
    return "tuple" if isinstance(right, tuple) else "array" if np.ndim(right) else "number"


@pytest.mark.filterwarnings("ignore:the matrix subclass:PendingDeprecationWarning")
@pytest.mark.parametrize("place", [0, *(pytest.param(place, marks=pytest.mark.slow) for place in range(1, 18))])
@pytest.mark.parametrize("number", exercises.numbers())
def test_whatever_comes_back_gets_a_sentence(number, place):
    """Two of the kinds, another two for the next exercise; the slow part has them all."""
    parts = len(exercises.find(number).parts) or 2
    for name, make in list(HOSTILE.items())[(exercises.numbers().index(number) + place) % 18::18]:
        for answer in (make, lambda make=make: (make(),) * parts):
            said = sentence(number, lambda *arguments, answer=answer: answer())
            assert " raised " not in said and "Described" not in said, f"{name}: {said}"


@pytest.mark.filterwarnings("ignore:the matrix subclass:PendingDeprecationWarning")
@pytest.mark.parametrize("name, words", [
    ("matrix", "got float64 matrix of shape (5, 4)"), ("masked", "got float64 MaskedArray of shape (5, 4)"),
    ("evil", "got Evil object whose repr raises ZeroDivisionError"), ("generator", "got <generator object"),
    ("huge view", "got float64 array of shape (1000000, 1000000)"), ("module", "<module 'numpy'"),
    ("dict view", "got dict_items([(1, 2)])"), ("a list that holds itself", "got a list"),
    ("complex", "got np.complex128(1j)" if np.__version__ >= "2" else "got 1j")])
def test_the_sentence_says_what_came(name, words):
    assert words in sentence("1.1", lambda error, weight, v: HOSTILE[name]())


def test_longdouble_and_memory_maps_are_as_good_as_float64(tmp_path):
    wide = np.array([1, 2], dtype=np.longdouble)
    assert plain(wide).dtype == np.float64 and type(plain(wide[0])) is float
    assert plain([wide, (wide,)])[1][0].dtype == np.float64

    def right(error, weight, v):
        return error @ weight * (1 - np.tanh(v)**2)

    def mapped(error, weight, v):
        answer = np.memmap(tmp_path / "answer", dtype=np.float64, shape=v.shape, mode="w+")
        answer[...] = right(error, weight, v)
        return answer
    one = exercises.find("1.1")
    assert judge("1.1", one, lambda *arguments: right(*arguments).astype(np.longdouble)).right
    assert "float32" in judge("1.1", one, lambda *arguments: right(*arguments).astype(np.float32)).text
    assert judge("1.1", one, mapped).right


def test_a_complex_number_is_no_real_one_however_small_its_imaginary_part():
    number = next(filter(lambda number: asks_for(number) == "number", exercises.numbers()))
    exercise = exercises.find(number)
    assert "0j)" in sentence(number, lambda *arguments: np.complex64(exercise.right(*arguments)))


def test_state_that_the_student_left_behind_does_not_disturb_the_comparison():
    with np.errstate(all="raise"):
        assert "1e+308" in sentence("1.1", lambda error, weight, v: np.full_like(v, 1e308))
        assert "4.941e-324" in sentence("1.1", lambda error, weight, v: np.full_like(v, 5e-324))

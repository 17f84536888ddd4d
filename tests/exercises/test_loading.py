"""Whatever `python FILE` runs is loaded, without its calls; where it raises, the student's own line is quoted."""

import runpy
import sys

import pytest

from feedbackalign.exercises import loading
from feedbackalign.exercises.solution_file import check_file, verdict_on

ANSWER = """
def hidden_error(error, weight, v):
    return error @ weight * (1 - np.tanh(v) ** 2)
"""


@pytest.fixture(autouse=True)
def as_it_was(monkeypatch):
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setitem(sys.modules, loading.NAME, None)


@pytest.fixture
def write(tmp_path):
    def write_file(text, name="my_solution.py"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8"))
        return path
    return write_file


LOADED = {
    "dataclass": "from dataclasses import dataclass, field\n@dataclass\nclass Point:\n    x: 'float' = 1.0\n"
                 "    rest: 'list' = field(default_factory=list)\nassert Point",
    "dataclass, future": "from __future__ import annotations\nfrom dataclasses import dataclass, KW_ONLY\n"
                         "from typing import ClassVar\n@dataclass(frozen=True, slots=True)\nclass Point:\n"
                         "    count: ClassVar[int] = 0\n    _: KW_ONLY\n    x: Point | None = None",
    "type checking": "from __future__ import annotations\nfrom typing import TYPE_CHECKING\nif TYPE_CHECKING:\n"
                     "    from nowhere import Array\ndef other(x: Array, *more: Array[int]) -> Array: ...\n"
                     "table: dict[str, Array] = {}",
    "docstring first": '"""What it is."""\nfrom __future__ import annotations\ndef other(x: Nowhere): ...\n'
                       'assert __doc__ == "What it is."',
    "a type variable": "from typing import Generic, NamedTuple, TypeVar\n"
                       "T = TypeVar('T')\nclass Box(Generic[T]): ...\n"
                       "def other(x: T) -> T: ...\nclass Pair(NamedTuple):\n    a: 'Pair'\n    b: int = 2",
    "a chain of calls": "import functools\nmake = functools.partial(dict, a=1)\nmade = make()\n"
                        "def other(x=made): return x\nclass Other(type(made)): kept = made['a']",
    "enum": "import enum\nclass Colour(enum.Enum):\n    RED = 1\nRED = Colour.RED\nassert RED.value == 1",
    "hints": "import typing\nclass A:\n    x: 'B'\nclass B: ...\ndef hints(): return typing.get_type_hints(A)\n"
             "def check(function):\n    assert hints() == {'x': B}\n    return function\n"
             "@check\ndef other(): ...",
    "pickle": "import pickle\nclass A: ...\ndef check(function):\n    pickle.loads(pickle.dumps(A))\n"
              "    return function\n@check\ndef other(): ...",
    "its own module": "import sys\nhere = sys.modules[__name__]\ndef other(x=here.__file__): return open(x)",
    "try import": "try:\n    import nothing_of_this_name as fast\nexcept ImportError:\n    fast = None\n"
                  "def other(x=fast): return x",
    "version": "import sys\nif sys.version_info >= (3, 0):\n    def other(): return 1\n    print('so')\n"
               "else:\n    print('not so')",
    "exit": "import sys\nif len(sys.argv) > 10**4:\n    sys.exit(1)\nif None:\n    raise SystemExit",
    "main": "if __name__ == '__main__':\n    print('as a script')\n    done = True",
    "a loop": "TABLE = {}\nfor i in (1, 2):\n    TABLE[i] = i * 2\nTABLE[3] = 6\nTABLE[3] += 1\n"
              "def other(x=TABLE[2], y=TABLE[3]): return x",
    "a loop that calls": "count = 3\nwhile count:\n    count = max(0, count - 1)\nfor i in range(3):\n    count += i",
    "what a call made": "import random\nx = random.random()\ny = x * 2\nz = y.real\nw = [y][0]\nassert w >= 0\ndel w",
    "operators": "a = b = 2\n(c, *d), e = (1, 2, 3), a @ 1 if None else a\nassert d == [2, 3], 'no'\ndel a, b\n"
                 "lambda: a()\nglobal g\ng = 3",
    "walrus": "if (n := 10) > 5:\n    big = n\ndef other(x=big): return x",
    "match": "match 3:\n    case 3:\n        three = 'three'\ndef other(x=three): return x",
    "async": "async def other():\n    async with nothing as x:\n        await x\nclass A:\n    made = dict(a=1)",
    "star import": "from math import *\ndef other(x=floor(pi)): return x",
    "bom": b"\xef\xbb\xbfimport math",
    "latin-1": "# -*- coding: latin-1 -*-\nname = 'Märzß'\ndef other(x=name): assert x".encode("latin-1"),
    "coding in line 2": "#!/usr/bin/env python\n# vim: set fileencoding=cp1252 :\nprice = '3 €'".encode("cp1252"),
    "shift-jis": "# coding: shift_jis\nname = '学習 表'".encode("shift_jis"),
    "crlf": b"x = 1\r\nname = '''a\r\nb'''\r\ndef other(y=len(name)):\r\n    return y\r\n\r\n",
    "cr": b"x = 1\rdef other():\r    return 2\r",
    "form feed, tabs": b"x = 1\n\x0c\ndef other():\n\treturn 2\n",
    "names in unicode": "β, größe = 1, 2\ndef другой(x=β): return x",
    "long": "x = " + " + ".join(["1"] * 400) + "\ntable = [" + "1, " * 10**4 + "]",
    "another file beside it": "import helper_of_mine\nfrom helper_of_mine import two\ndef other(x=two): return x",
}


def loaded(name):
    """The bytes of a file: what is to be loaded, and a right answer."""
    text = LOADED[name]
    if isinstance(text, bytes):
        return text + b"\n" + ("import numpy as np\n" + ANSWER).encode()
    return f"{text}\nimport numpy as np\n{ANSWER}".encode()


@pytest.mark.parametrize("name", LOADED)
def test_what_python_runs_is_loaded(write, name):
    write("two = 2\nprint('its calls are run, as by every import')", name="helper_of_mine.py")
    path = write(loaded(name))
    sys.path.insert(0, str(path.parent))
    runpy.run_path(str(path), run_name="__main__")
    verdict = verdict_on("1.1", path)
    assert verdict.right, verdict.text


def test_it_is_loaded_in_a_process_of_its_own_too(write):
    for name in ("dataclass, future", "latin-1"):
        assert check_file("1.1", write(loaded(name))) == ("exercise 1.1: right.", True)


@pytest.mark.parametrize("name", ["numpy.py", "dataclasses.py", "my solution.txt", "löschen"])
def test_a_file_may_have_any_name(write, name):
    text = "import dataclasses, numpy as np\n@dataclasses.dataclass\nclass A:\n    x: 'int' = 0\n" + ANSWER
    assert verdict_on("1.1", write(text, name)).right


def test_calls_outside_of_definitions_are_not_run(write):
    names = loading.load(write(
        "import os\nEPSILON, HALF_TURN = 1e-3, 3.14\nhalf = lambda v: v / 2\nSIZES: list = [3, HALF_TURN]\n"
        "data = open('there is no such file')\nlater = data.train\nraise SystemExit\nend = lambda: os.abort()\n"
        "if data:\n    never = 1\ntry:\n    sure = 2\n    os.abort()\nfinally:\n    os.abort()\n"
        "for i in range(3): os.abort()\nwith open('nothing') as f: os.abort()\n[os.abort() for _ in (1,)]\n"
        "shown = lambda x=os.abort(): x\nif __name__ == '__main__':\n    script = True\n"))
    assert names["EPSILON"] == 1e-3 and names["half"](4) == 2 and names["SIZES"] == [3, 3.14] and names["sure"] == 2
    assert "end" in names and not {"data", "later", "never", "i", "f", "shown", "script"} & set(names)


def test_an_answer_that_a_call_makes_is_made(write):
    text = ("import functools, numpy as np\nprint = exit\nprint()\n"
            "def general(scale, e, w, v): return scale * e @ w / np.cosh(v)**2\n"
            "hidden_error = functools.partial(general, 1.0)\n")
    assert verdict_on("1.1", write(text)).right


def said(path):
    verdict = verdict_on("1.1", path)
    assert verdict.state == "wrong" and verdict.text.isprintable()
    return verdict.text.replace("exercise 1.1: not right yet: ", "")


@pytest.mark.parametrize("text, words", [
    ("x = 1\ndef hidden_error(a) return a",
     "raised SyntaxError (expected ':') in line 2, `def hidden_error(a) return a`"),
    ("if 1:\n x = 1\n   y = 2", "raised IndentationError (unexpected indent) in line 3, `y = 2`"),
    ("def f():\n    x = (1,\n    y = 2", "in line 2, `x = (1,`"),
    ("x = 1\nreturn x", "raised SyntaxError ('return' outside function) in line 2, `return x`"),
    ("x = 1\n%matplotlib inline", "raised SyntaxError (invalid syntax) in line 2, `%matplotlib inline`"),
    ("ok = 'é'\nname = 'x'\n".encode() + "bad = 'ü'".encode("latin-1"),
     "(it is not utf-8: save it so, or begin it with # coding: latin-1) in line 3, `bad = '\\xfc'`"),
    ("# coding: ascii\n\nx = 'ü'", "it is not ascii: save it so"),
    ("# coding: klingon\nx = 1",
     "(it is not what its coding line says: unknown encoding: klingon) in line 1, `# coding"),
    ("# coding: hex\nx = 1", "raised SyntaxError (it is not what its coding line says"),
    (b"\xef\xbb\xbf# coding: latin-1\nx = 1", "it is not what its coding line says"),
    ("import numpy as np".encode("utf-16"), "it is not utf-8"),
    (b"x = 1\ny = '\0'", "raised SyntaxError (it holds a null byte) in line 2, `y = '\\x00'`"),
    ("import nothing_of_this_name", "No module named 'nothing_of_this_name') in line 1, `import nothing_of_this_name`"),
    ("import json\n\nclass A:\n    x = json.loads('{')", "in line 4, `x = json.loads('{')`"),
    ("def f(x=undefined): ...", "raised NameError (name 'undefined' is not defined) in line 1, `def f(x=undefined)"),
    ("made = undefined()\ndef f(x=made): ...", "raised NameError (name 'undefined' is not defined) in line 1, `made ="),
    ("class A: raise NotImplementedError", "my_solution.py raised NotImplementedError in line 1, `class A: raise"),
    ("def d(f): exit()\n@d\ndef f(): ...", "my_solution.py ended the program"),
    ("def hidden_eror(error, weight, v): return v", "my_solution.py defines no hidden_error (but hidden_eror)"),
    ("x = 3", "my_solution.py defines no hidden_error."),
    ("", "defines no hidden_error"),
])
def test_what_python_does_not_run_is_told_with_its_line(write, text, words):
    assert words in said(write(text))


@pytest.mark.parametrize("body, words", [
    ("return json.loads('{')", "raised JSONDecodeError"),
    ("return compile('1 +', 'mine', 'eval')", "raised SyntaxError (invalid syntax)"),
    ("return eval('1 +')", "raised SyntaxError (invalid syntax)"), ("exec('1 / 0')", "raised ZeroDivisionError"),
    ("return re.compile('(')", "raised error" if sys.version_info < (3, 13) else "raised PatternError"),
    ("return __import__('subprocess').run(['/no/such'])", "raised FileNotFoundError"),
    ("return np.linalg.inv(error)", "raised LinAlgError"),
    ("return np.concatenate([error, v, weight[0]])", "raised ValueError"),
    ("return np.broadcast_shapes((2,), (3,))", "raised ValueError"),
    ("return [1 / 0 for _ in error]", "raised ZeroDivisionError"),
    ("return {a: 1 / 0 for a in 'ab'}", "raised ZeroDivisionError"),
    ("return sum(1 / 0 for _ in error)", "raised ZeroDivisionError"),
    ("return (lambda x: x / 0)(1)", "raised ZeroDivisionError"),
    ("return functools.reduce(lambda a, b: a / 0, [1, 2])", "raised ZeroDivisionError"),
    ("return max([1, 2], key=lambda a: a / 0)", "raised ZeroDivisionError"),
    ("return P(1, 2, 3)", "raised TypeError"),
    ("return fa.ops.linear.linear_transport(1, 2)", "raised "),
    ("raise type('My', (Exception,), {'__str__': lambda self: 1 / 0})('x')", "raised My in line"),
    ("raise ValueError('long ' * 10**5)", "long…) in line"),
    ("raise ValueError('\\x1b[2J\\ud800\\n two')", r"(\x1b[2J\ud800 two) in line"),
    ("raise SyntaxError", "raised SyntaxError"),
])
def test_the_students_own_deepest_line_is_quoted(write, body, words):
    text = (f"import functools, json, re\nimport numpy as np\nimport feedbackalign as fa\n"
            f"from typing import NamedTuple\nclass P(NamedTuple):\n    x: int\n"
            f"def hidden_error(error, weight, v):\n    {body}\n")
    found = said(write(text))
    assert words in found and f"in line 8, `{body}`" in found and len(found) < 700


def test_the_deepest_line_inside_a_decorated_function_a_generator_and_a_file_beside_it(write):
    write("def broken(x):\n    return x / 0\n", name="helper.py")
    start = "import contextlib, functools\nfrom helper import broken\n"
    decorated = ("def twice(f):\n    @functools.wraps(f)\n    def g(*a):\n        return f(*a) + f(*a)\n    return g\n"
                 "@twice\n@functools.lru_cache\ndef inner(x):\n    return 1 / 0\n"
                 "def hidden_error(error, weight, v): return inner(1)\n")
    assert "in line 11, `return 1 / 0`" in said(write(start + decorated))
    generator = ("@contextlib.contextmanager\ndef block():\n    yield\n    1 / 0\n"
                 "def hidden_error(error, weight, v):\n    with block():\n        pass\n")
    assert "in line 6, `1 / 0`" in said(write(start + generator))
    beside = "def hidden_error(error, weight, v):\n    return broken(1)\n"
    assert "in line 2 of helper.py, `return x / 0`" in said(write(start + beside))


def test_the_file_may_remove_itself_and_go_elsewhere(write, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write("zero = 0", name="zero_of_mine.py")
    path = write("import os\ndef hidden_error(error, weight, v):\n    os.remove(__file__)\n    os.chdir(os.sep)\n"
                 "    from zero_of_mine import zero\n    return 1 / zero\n")
    assert "in line 6, `return 1 / zero`" in said(path.relative_to(tmp_path))

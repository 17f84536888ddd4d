"""Check the answer to an exercise in a file: its definitions are run in a separate process, with a time limit.

Only imports, definitions and constants are run, so that an edited copy of a whole lesson is checked at once, without
its training. A constant is an assignment that calls nothing and needs only names that are there.

    python -m feedbackalign.exercises.solution_file 7.2 my_solution.py        (what `feedbackalign exercise` starts)
"""

import ast
import builtins
import difflib
import linecache
import os
import pathlib
import subprocess
import sys
import types

from feedbackalign.exercises import find, guard
from feedbackalign.exercises.judge import judge, not_right
from feedbackalign.training.threads import THREAD_VARIABLES

SECONDS = 60.0              # longest time for the whole file
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom)


def check_file(number, path, seconds=SECONDS):
    """Judge a file in a separate process: -> (what was printed, with the verdict at the end; whether it is right).

    Raises ValueError for an unknown exercise, a missing file, or a notebook.
    """
    exercise = find(number)
    path = pathlib.Path(path).expanduser()
    if path.suffix == ".ipynb":
        raise ValueError(f"{path}: expected a .py file; in a notebook write fa.exercise({number!r}, {exercise.name}) "
                         f"in a cell below the function")
    if not path.is_file():
        raise ValueError(f"{path}: there is no such file")
    python_path = [str(pathlib.Path(__file__).resolve().parents[2]), os.environ.get("PYTHONPATH")]
    environment = {**dict.fromkeys(THREAD_VARIABLES, "1"), **os.environ,
                   "PYTHONPATH": os.pathsep.join(filter(None, python_path)),
                   "PYTHONIOENCODING": "utf-8:replace", "MPLBACKEND": "Agg"}
    command = [sys.executable, "-m", "feedbackalign.exercises.solution_file", number, str(path)]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              env=environment, timeout=seconds, encoding="utf-8", errors="replace")
    except subprocess.TimeoutExpired:
        return not_right(number, f"{path.name} did not come to an end within {seconds:g} seconds").text, False
    if done.returncode not in (0, 1) or not done.stdout.strip():
        reason = f" ({done.stderr.strip().splitlines()[-1]})" if done.stderr.strip() else ""
        return not_right(number, f"the process that ran {path.name} died{reason}").text, False
    return done.stdout.rstrip(), done.returncode == 0


def main(number, path):
    """In the separate process: run the definitions, judge, print the verdict: -> exit status."""
    verdict = verdict_on(number, pathlib.Path(path))
    print(verdict.text)
    return 0 if verdict.right else 1


def verdict_on(number, path):
    """The verdict on the definition in this file that has the exercise's name."""
    exercise = find(number)
    try:
        with guard.limited_printing():
            names = guard.call(lambda: definitions(path), SECONDS)
    except (guard.Failed, NotImplementedError) as error:
        return not_right(number, f"{path.name} {error or 'raised NotImplementedError'}")
    if exercise.name not in names:
        mine = [name for name, value in names.items() if callable(value) and not name.startswith("_")]
        near = difflib.get_close_matches(exercise.name, mine, n=1)
        return not_right(number, f"{path.name} defines no {exercise.name}{f' (but {near[0]})' if near else ''}")
    return judge(number, exercise, names[exercise.name])


def definitions(path):
    """Run the imports, definitions and constants of a file: -> its names."""
    source = path.read_text(encoding="utf-8-sig")
    tree = ast.parse(source, filename=str(path))
    linecache.cache[str(path)] = (len(source), None, source.splitlines(keepends=True), str(path))
    sys.path.insert(0, str(path.resolve().parent))
    names = {"__name__": path.stem, "__file__": str(path)}
    for statement in tree.body:
        if isinstance(statement, DEFINITIONS) or is_constant(statement, names):
            exec(compile(ast.Module([statement], type_ignores=[]), str(path), "exec"), names)
    return names


def is_constant(statement, names):
    """An assignment of a value that calls nothing (but inside a lambda) and needs only names that are there.

    >>> is_constant(ast.parse("N, eps = 5, 1e-6").body[0], {})
    True
    >>> is_constant(ast.parse("data = load()").body[0], {"load": None})
    False
    """
    if not isinstance(statement, (ast.Assign, ast.AnnAssign)) or statement.value is None:
        return False
    if isinstance(statement.value, ast.Lambda):
        return True
    for node in ast.walk(statement):
        if isinstance(node, (ast.Call, ast.Await, ast.Attribute)) and not _is_module_attribute(node, names):
            return False
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            if node.id not in names and not hasattr(builtins, node.id):
                return False
    return True


def _is_module_attribute(node, names):
    """Whether this is an attribute of a module that is there: np.pi, fa.ops.convolution."""
    return (isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load)
            and hasattr(_module(node.value, names), node.attr))


def _module(node, names):
    """The module that an expression such as fa.ops names, or None."""
    found = names.get(node.id) if isinstance(node, ast.Name) else None
    if _is_module_attribute(node, names):
        found = getattr(_module(node.value, names), node.attr)
    return found if isinstance(found, types.ModuleType) else None


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

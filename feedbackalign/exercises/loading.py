"""Load a student's file as Python loads a module, but without what it calls outside of functions and classes.

So an edited copy of a whole lesson is read at once, without its training. Left out is every statement that calls
something, and every one that then fails because something is missing; of an `if` or a `try`, only the lines inside that
do so. What a function or class needs while it is defined, such as `T = TypeVar("T")`, is made after all.
"""

import __future__
import ast
import importlib.machinery
import importlib.util
import linecache
import pathlib
import sys

NAME = "__answer__"                 # not the file's own: a numpy.py must not stand for numpy, and it is not __main__
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom)


def load(path, wanted=None):
    """The names that a file defines, as a dict; `wanted` is one that is made even by a call.

    Raises what the file's text, an import or a definition raises.
    """
    path = pathlib.Path(path).resolve()
    source = decoded(path)
    linecache.cache[str(path)] = (len(source), None, source.splitlines(keepends=True), str(path))
    tree = ast.parse(source, filename=str(path))
    whole = compile(tree, str(path), "exec", dont_inherit=True)         # what is left out must be Python too
    flags = whole.co_flags & __future__.annotations.compiler_flag

    loader = importlib.machinery.SourceFileLoader(NAME, str(path))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(NAME, loader))
    module.__doc__ = ast.get_docstring(tree, clean=False)
    sys.modules[NAME] = module                                          # where dataclasses and pickle look it up
    sys.path.insert(0, str(path.parent))
    names, left_out = vars(module), {}

    def run(statement, is_needed):
        try:
            part = ast.Module([statement], type_ignores=[])
            exec(compile(part, str(path), "exec", flags, dont_inherit=True), names)
        except NameError as error:
            if not is_needed or error.name not in left_out:
                raise
            run(left_out.pop(error.name), True)
            run(statement, True)

    for statement in tree.body:
        is_needed = isinstance(statement, DEFINITIONS)
        try:
            run(without_calls(statement, left_out), is_needed)
        except Exception:
            if is_needed:
                raise
            leave_out(statement, left_out)
    if wanted in left_out and wanted not in names:
        run(left_out[wanted], True)
    return names


def without_calls(statement, left_out):
    """The statement if it calls nothing, else `pass`; an `if` or a `try` without those of its lines that call.

    left_out, {name: statement}, receives the names that are not made.

    >>> left_out = {}
    >>> tree = ast.parse("try:\\n    import jax\\n    key = jax.key(0)\\nexcept ImportError:\\n    jax = None")
    >>> print(ast.unparse(without_calls(tree.body[0], left_out)), list(left_out))
    try:
        import jax
        pass
    except ImportError:
        jax = None ['key']
    """
    if type(statement).__name__ in ("Try", "TryStar") or isinstance(statement, ast.If) and not calls(statement.test):
        for block in (statement, *getattr(statement, "handlers", ())):
            for field in ("body", "orelse", "finalbody"):
                if hasattr(block, field):
                    setattr(block, field, [without_calls(line, left_out) for line in getattr(block, field)])
        return statement
    return leave_out(statement, left_out) if isinstance(statement, ast.Raise) or calls(statement) else statement


def leave_out(statement, left_out):
    """Note the names that the statement would make: -> `pass` in its place."""
    left_out.update((node.id, statement) for node in ast.walk(statement)
                    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store))
    return ast.copy_location(ast.Pass(), statement)


def calls(node):
    """Whether something is called when this is run; definitions and imports may, and a lambda calls it later.

    >>> [calls(ast.parse(line)) for line in ("a = f()", "a = lambda: f()", "def a(b=f()): pass", "a = [3 * b, np.pi]")]
    [True, False, False, False]
    """
    waiting = [node]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Call):
            return True
        if not isinstance(node, DEFINITIONS):
            waiting += ast.iter_child_nodes(node.args if isinstance(node, ast.Lambda) else node)
    return False


def decoded(path):
    """The text of a file as Python reads it, coding line and byte order mark included, or a SyntaxError with a line."""
    raw = path.read_bytes()
    lines = list(enumerate(raw.splitlines(), start=1))
    try:
        source = importlib.util.decode_source(raw)
        wrong, bad = "it holds a null byte", [place for place in lines if b"\0" in place[1]]
    except (SyntaxError, LookupError, UnicodeError) as error:
        source, encoding = None, getattr(error, "encoding", "utf-8")
        wrong = f"it is not what its coding line says: {error}"
        bad = [place for place in lines if b"coding" in place[1]]
        broken = [place for place in lines if not _decodes(place[1], encoding)]
        if broken:
            wrong, bad = f"it is not {encoding}: save it so, or begin it with # coding: latin-1", broken
    if source is None or bad:
        number, line = bad[0] if bad else (1, b"")
        raise SyntaxError(wrong, (str(path), number, None, line.decode("ascii", "backslashreplace")))
    return source


def _decodes(line, encoding):
    try:
        line.decode(encoding)
    except UnicodeError:
        return False
    return True

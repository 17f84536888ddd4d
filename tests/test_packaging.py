"""What is promised around the code: one version, two requirements, data that travels, imports that go one way."""

import ast
import configparser
import importlib.resources
import re
import subprocess
import sys
from pathlib import Path

import pytest

import feedbackalign

CHECKOUT = Path(__file__).resolve().parents[1]
PACKAGE = CHECKOUT / "feedbackalign"

# What stands on what, bottom to top. A place may import what stands below it, and its own folder.
FLOORS = [["version", "validation"], ["ops", "data"], ["ops.fast"], ["layers"], ["networks"],
          ["alignment", "optimizer", "persistence"],
          ["rules.base", "rules.epochs", "rules.sending", "rules.user_file"], ["rules.*"],
          ["rules.table", "rules"], ["training"], ["runs", "check"], ["figures", "exercises"],
          ["cli"], ["__init__", "__main__"]]
FLOOR = {place: floor for floor, places in enumerate(FLOORS) for place in places}
SIDEWAYS = {("rules.direct_random_target_projection", "rules.direct_feedback_alignment"),
            ("rules.holomorphic", "rules.equilibrium"),
            ("rules.flows", "rules.backprop")}                          # the only arrows between neighbours
ALONE = {"ops": {"validation"}, "data": {"version", "validation"}}      # all that these may import of the package


# --- reading imports -------------------------------------------------------------------------------------

def imports(path, package):
    """Yield (line, dotted name, whether it runs when the module is imported) of every import in a file."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    inside = {id(node) for function in ast.walk(tree)
              if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
              for node in ast.walk(function)}
    here = (package.name, *path.relative_to(package).parts[:-1])        # the folder's dotted name
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = here[:len(here) - node.level + 1] if node.level else ()
            base = ".".join([*above, *filter(None, [node.module])])
            names = [f"{base}.{alias.name}" for alias in node.names]    # a module, or a thing in one
        else:
            continue
        for name in names:
            yield node.lineno, name, id(node) not in inside


def place_of(name, package):
    """The place in the house of a dotted name: feedbackalign.rules.product.routes -> rules.product."""
    parts = name.removesuffix(".__init__").split(".")[1:]
    if not parts or not any((package / (parts[0] + end)).exists() for end in ("", ".py")):
        return "__init__"                                               # a name that __init__ itself holds
    inner = ".".join(parts[:2])
    if parts[0] == "rules" and len(parts) > 1 and any((package / "rules" / (parts[1] + end)).exists()
                                                      for end in ("", ".py")):
        return inner
    return inner if inner in FLOOR else parts[0]


def floor_of(place):
    return FLOOR[place] if place in FLOOR else FLOOR["rules.*"]


def broken_import_rules(package):
    """One line for each import in the package that the design does not allow."""
    found = []
    for path in sorted(package.rglob("*.py")):
        inner = path.relative_to(package)
        here = place_of(".".join([package.name, *inner.with_suffix("").parts]), package)
        for line, name, at_import in imports(path, package):
            where, top = f"{inner.as_posix()}:{line}", name.split(".")[0]
            if top == package.name:
                found += [f"{where}: {complaint}" for complaint in complaints(here, place_of(name, package))]
            elif top in ("matplotlib", "PIL"):                          # Pillow comes with matplotlib
                if here != "figures":
                    found.append(f"{where}: {top} outside figures")
                elif at_import:
                    found.append(f"{where}: {top} outside a function")
            elif top != "numpy" and top not in sys.stdlib_module_names:
                found.append(f"{where}: imports {top}")
    return found


def complaints(here, there):
    if here == there:
        return
    if here in ALONE and there not in ALONE[here]:
        yield f"{here} imports {there}"
    elif floor_of(there) > floor_of(here):
        yield f"{here} imports {there}, which stands above it"
    elif floor_of(there) == floor_of(here) == FLOOR["rules.*"] and (here, there) not in SIDEWAYS:
        yield f"{here} imports {there}, which stands beside it"
    elif here in ("training", "runs") and floor_of(there) == FLOOR["rules.*"]:
        yield f"{here} imports the room {there}"


def test_the_package_imports_what_it_may():
    walked = {path.relative_to(PACKAGE).parts[0].removesuffix(".py") for path in PACKAGE.rglob("*.py")}
    assert {"__init__", "validation", "ops", "layers", "data", "rules"} <= walked
    assert broken_import_rules(PACKAGE) == []


def test_the_house_has_at_most_27_places_and_no_long_file():
    folders = [path for depth in ("*", "*/*") for path in PACKAGE.glob(depth) if (path / "__init__.py").is_file()]
    modules = [path for path in PACKAGE.glob("*.py") if path.stem not in ("__init__", "__main__")]
    assert len(folders) + len(modules) <= 27
    long = {path.name: count for path in PACKAGE.rglob("*.py")
            if (count := len(path.read_text(encoding="utf-8").splitlines())) > 350}
    assert long == {}


@pytest.mark.parametrize("file, source, complaint", [
    ("ops/linear.py", "import scipy.special", "imports scipy"),
    ("ops/linear.py", "def f():\n    from torch import nn", "imports torch"),
    ("ops/linear.py", "from feedbackalign.layers import Linear", "ops imports layers"),
    ("ops/linear.py", "from ..layers import Linear", "ops imports layers"),
    ("ops/linear.py", "from feedbackalign.data import digits", "ops imports data"),
    ("ops/linear.py", "from feedbackalign.ops.fast import threads", "ops imports ops.fast"),
    ("ops/linear.py", "import matplotlib", "matplotlib outside figures"),
    ("ops/fast/threads.py", "from feedbackalign.layers import Linear", "ops.fast imports layers"),
    ("data/digits.py", "from feedbackalign.ops import linear", "data imports ops"),
    ("layers.py", "from feedbackalign import rules", "layers imports rules"),
    ("layers.py", "from . import networks", "layers imports networks"),
    ("layers.py", "from feedbackalign import Linear", "layers imports __init__"),
    ("networks.py", "def f():\n    import feedbackalign.rules.base", "networks imports rules.base"),
    ("alignment.py", "from .rules import sending", "alignment imports rules.sending"),
    ("rules/base.py", "from feedbackalign.rules.product import routes", "rules.base imports rules.product"),
    ("rules/product/routes.py", "from feedbackalign.rules import make", "rules.product imports rules, which"),
    ("rules/product/routes.py", "from feedbackalign.rules.targets import truths", "which stands beside it"),
    ("rules/equilibrium/rule.py", "from feedbackalign.rules.holomorphic import nudging", "which stands beside it"),
    ("rules/base.py", "from feedbackalign.training import train", "rules.base imports training"),
    ("rules/table.py", "from ..figures import angles", "rules.table imports figures"),
    ("training.py", "from feedbackalign.rules.product import routes", "training imports the room rules.product"),
    ("figures/angles.py", "from matplotlib import pyplot", "matplotlib outside a function"),
    ("figures/angles.py", "from PIL import Image", "PIL outside a function"),
    ("cli.py", "def f():\n    from PIL import Image", "PIL outside figures"),
])
def test_the_import_checker_finds_what_is_wrong(tmp_path, file, source, complaint):
    package = package_of(tmp_path, {file: source})
    found = broken_import_rules(package)
    assert all(line.startswith(f"{file}:") for line in found)
    assert any(complaint in line for line in found), found


def test_the_import_checker_lets_the_design_through(tmp_path):
    assert broken_import_rules(package_of(tmp_path, {})) == []


def package_of(folder, changed):
    """A package in small that keeps every rule, but for the files that are changed."""
    files = {
        "__init__.py": "from feedbackalign import rules, training",
        "validation.py": "import math\nimport numpy as np",
        "ops/linear.py": "import numpy as np\nfrom feedbackalign.validation import describe\nfrom . import convolution",
        "ops/convolution.py": "import numpy.linalg",
        "ops/fast/threads.py": "from feedbackalign.ops import linear",
        "layers.py": "from feedbackalign import validation\nfrom feedbackalign.ops.fast import threads",
        "networks.py": "from .layers import Linear",
        "alignment.py": "import feedbackalign.networks as n",
        "data/__init__.py": "",
        "rules/__init__.py": "from feedbackalign.rules.table import TABLE\nfrom feedbackalign.rules.base import Rule",
        "rules/base.py": "from ..alignment import angle",
        "rules/sending.py": "from feedbackalign.rules.base import Rule",
        "rules/product/routes.py": "from feedbackalign.rules.sending import walk\nfrom . import closed_form",
        "rules/targets/truths.py": "",
        "rules/equilibrium/rule.py": "",
        "rules/holomorphic/nudging.py": "from feedbackalign.rules.equilibrium import rule",
        "rules/table.py": "from feedbackalign.rules.product.routes import Rule",
        "training.py": "import json\nfrom .rules.base import Rule\nfrom feedbackalign.rules import make",
        "figures/angles.py": "def draw():\n    from matplotlib import pyplot",
        "cli.py": "import feedbackalign.training\nfrom feedbackalign import figures",
    }
    for name, source in {**files, **changed}.items():
        path = folder / "feedbackalign" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source, encoding="utf-8")
    return folder / "feedbackalign"


def test_importing_the_package_leaves_matplotlib_alone():
    code = "import sys, feedbackalign; print(feedbackalign.__file__, 'matplotlib' in sys.modules)"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=CHECKOUT)
    assert answer.stdout.split() == [str(PACKAGE / "__init__.py"), "False"]


# --- the version -----------------------------------------------------------------------------------------

def test_the_version_stands_once_in_the_code():
    assert settings()["metadata"]["version"] == "attr: feedbackalign.version.__version__"
    holders = [path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py")
               if feedbackalign.__version__ in path.read_text(encoding="utf-8")        # looked at closely only then
               and feedbackalign.__version__ in string_constants(path)]
    assert holders == ["version.py"]
    # setuptools must find it without importing numpy: a plain string, assigned at the top level
    tree = ast.parse((PACKAGE / "version.py").read_text(encoding="utf-8"))
    assigned = [node.value for node in tree.body if isinstance(node, ast.Assign)
                and [getattr(target, "id", None) for target in node.targets] == ["__version__"]]
    assert [ast.literal_eval(value) for value in assigned] == [feedbackalign.__version__]


def test_citation_and_changelog_tell_the_version():
    cited = re.findall(r"^version: (.+)$", (CHECKOUT / "CITATION.cff").read_text(encoding="utf-8"), flags=re.M)
    assert cited == [feedbackalign.__version__]
    changes = re.findall(r"^## (\S+)", (CHECKOUT / "CHANGELOG.md").read_text(encoding="utf-8"), flags=re.M)
    assert changes[0] == feedbackalign.__version__, "the newest version stands first"


# --- what is required, and what travels ------------------------------------------------------------------

def test_two_requirements_with_lower_bounds_only():
    required = settings()["options"]["install_requires"].split()
    assert [re.sub(r">=[0-9.]+$", "", line) for line in required] == ["numpy", "matplotlib"]
    assert all(">=" in line for line in required)
    assert {key: value.split() for key, value in settings()["options.extras_require"].items()} == {
        "test": ["pytest", "hypothesis"]}
    assert settings()["options"]["python_requires"] == ">=3.10"


def test_data_its_notice_and_the_type_marker_are_where_the_package_is():
    root = importlib.resources.files("feedbackalign")
    assert (root / "py.typed").is_file()
    assert len((root / "data" / "DATA.md").read_text(encoding="utf-8")) > 100
    data = [file for file in (root / "data").iterdir() if file.is_file() and not file.name.endswith((".py", ".md"))]
    assert len(data) >= 1 and all(file.read_bytes() for file in data)


def test_what_lies_beside_the_code_is_told_to_setuptools():
    patterns = {name: value.split() for name, value in settings()["options.package_data"].items()}
    untold = []
    for path in PACKAGE.rglob("*"):
        if path.is_file() and path.suffix not in (".py", ".pyc"):
            owner = ".".join([PACKAGE.name, *path.parent.relative_to(PACKAGE).parts])
            if not any(path.match(pattern) for pattern in patterns.get(owner, [])):
                untold.append(path.relative_to(PACKAGE).as_posix())
    assert untold == []
    for notice in settings()["metadata"]["license_files"].split():
        assert (CHECKOUT / notice).is_file(), notice


def test_every_folder_of_modules_is_a_package_and_travels():
    folders = {file.parent for file in PACKAGE.rglob("*.py")}
    assert [path.as_posix() for path in folders if not (path / "__init__.py").is_file()] == []
    named = {".".join(path.relative_to(CHECKOUT).parts) for path in folders}
    assert sorted(named | {"feedbackalign.lessons"}) == settings()["options"]["packages"].split()


def test_the_lessons_travel_from_their_one_place():
    assert settings()["options"]["package_dir"].split() == ["feedbackalign.lessons", "=", "lessons"]
    assert not (PACKAGE / "lessons").exists(), "a second copy"
    lessons, patterns = CHECKOUT / "lessons", settings()["options.package_data"]["feedbackalign.lessons"].split()
    travel = {path for pattern in ["*.py", *patterns] for path in lessons.glob(pattern)}
    assert len(travel) > 50
    made = (lessons / "output", lessons / "__pycache__")
    assert {path for path in lessons.rglob("*") if path.is_file() and path.parent not in made} == travel


def settings():
    parser = configparser.ConfigParser()
    parser.read(CHECKOUT / "setup.cfg", encoding="utf-8")
    return parser


def string_constants(path):
    return {node.value for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.Constant) and isinstance(node.value, str)}

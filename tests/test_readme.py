"""README and pages: links lead somewhere, code and commands do what is said of them, tables name what there is."""

import inspect
import re
import shlex
from pathlib import Path

import numpy as np
import pytest

from feedbackalign import check, cli, figures, rules, runs
from feedbackalign.cli import arguments, figure_tables
from feedbackalign.figures import tables
from feedbackalign.cli.lessons import copy_lessons
from feedbackalign.training import threads
from tests import lesson_pictures
from tests.figures.experiments import test_detection_power, test_topology
from tests.small_runs import SmallRun
from tests.test_lessons import unknown_names

CHECKOUT = Path(__file__).resolve().parents[1]
README, RULES, RUNNING, BENCHMARKS = (CHECKOUT / name for name in (
    "README.md", "lessons/RULES.md", "lessons/RUNNING.md", "tests/benchmarks/README.md"))
PAGES = [README, *sorted((CHECKOUT / "lessons").glob("*.md")), BENCHMARKS]
every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(CHECKOUT).as_posix())


def text_of(page):
    return page.read_text(encoding="utf-8")


def blocks(page, language=""):
    found = re.findall(r"^```(\w*)\n(.*?)^```$", text_of(page), flags=re.M | re.S)
    return [block for kind, block in found if kind == language]


def code(page, first_line):
    """The block of Python on a page that starts like this."""
    block, = [block for block in blocks(page, "python") if block.startswith(first_line)]
    return block


def section(page, heading):
    """What stands under a heading, up to the next of its kind."""
    return re.search(rf"^## {heading}\n(.*?)(?=^## |\Z)", text_of(page), flags=re.M | re.S)[1]


def cells(text):
    """Rows of the tables in a text, a list of cells each; headings and rules are left out."""
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]


def names(cell):
    """What stands in backticks."""
    return re.findall(r"`([^`]+)`", cell)


# --------------------------------------------------------------------------------------------------------------- links

def dead_links(page):
    """The links of a page that lead nowhere, by file or by heading."""
    dead = []
    for link in re.findall(r"\]\(([^)\s]+)\)", text_of(page)):
        path, _, heading = link.partition("#")
        if link.startswith("https://"):
            continue
        file = Path(path.removeprefix("file://")) if path.startswith("file:") else page.parent / path
        target = file if path else page
        if not target.exists() or heading and heading not in anchors(target):
            dead.append(link)
    return dead


def anchors(page):
    prose = re.sub(r"^```.*?^```", "", text_of(page), flags=re.M | re.S)
    return [re.sub(r"[^\w -]", "", line.lstrip("# ")).strip().lower().replace(" ", "-")
            for line in prose.splitlines() if line.startswith("#")]


@every_page
def test_links_lead_somewhere(page):
    assert "](" in text_of(page) or page == BENCHMARKS
    assert dead_links(page) == []


@pytest.mark.parametrize("as_notebooks", [False, True])
def test_links_of_copied_pages_lead_somewhere(tmp_path, as_notebooks):
    copy_lessons(tmp_path, as_notebooks=as_notebooks)
    pages = sorted(tmp_path.glob("*.md"))
    assert [page.name for page in pages] == ["README.md", "RESULTS.md", "RULES.md", "RUNNING.md", "TEACHING.md"]
    assert {page.name: dead_links(page) for page in pages if dead_links(page)} == {}
    assert not any("](../" in text_of(page) for page in pages)


def test_a_dead_link_is_found(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("# A heading\n[a](page.md) [b](#a-heading) [c](#no-heading) [d](nowhere.md) [e](page.md#nothing)")
    assert dead_links(page) == ["#no-heading", "nowhere.md", "page.md#nothing"]


def test_every_picture_is_on_a_page():
    shown = {Path(link).name for page in PAGES for link in re.findall(r"\]\(([^)]+\.(?:png|gif))\)", text_of(page))}
    assert {path.name for path in (CHECKOUT / "lessons" / "figures").iterdir()} == shown


# ------------------------------------------------------------------------------------------------------- code, commands

def test_the_readme_is_read_in_five_minutes():
    assert len(text_of(README).splitlines()) <= 200


def test_every_block_of_python_is_run_or_says_what_it_needs():
    run = ["import numpy as np\nimport feedbackalign", "import feedbackalign as fa\nfa.blas_threads",
           "import feedbackalign as fa\nfa.figures",
           'import feedbackalign as fa\n\nrows = fa.compare(["bp"',
           'import feedbackalign as fa\n\nrows = fa.compare(["fa"', "# needs dask", "# needs mpi4py",
           '"""Feedback alignment through weights', '"""Feedback alignment through synapses',
           '"""Every hidden layer guesses', "import numpy as np\n\nfrom feedbackalign.data",
           "import numpy as np\n\nimport feedbackalign", "from feedbackalign.layers"]
    found = [block for page in (README, RULES, RUNNING) for block in blocks(page, "python")]
    assert sorted(run) == sorted(start for block in found for start in run if block.startswith(start))
    assert len(found) == len(run)


def test_the_twelve_lines_turn_unrelated_updates_towards_the_gradient(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    exec(compile(code(README, "import numpy as np\nimport feedbackalign"), "README.md", "exec"), {})
    before, after = (dict(re.findall(r"'(fc\d\.weight)': ([\d.e-]+)", line))
                     for line in capsys.readouterr().out.splitlines())
    for layer in ("fc1.weight", "fc2.weight"):
        assert 75 < float(before[layer]) < 105 and float(after[layer]) < 30, layer
    assert (tmp_path / "path.png").stat().st_size > 10_000


def test_the_lines_on_a_schematic_draw_one_of_those_shown(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    exec(compile(code(RUNNING, "import feedbackalign as fa\nfa.figures"), "RUNNING.md", "exec"), {})
    assert (tmp_path / "dfa.png").stat().st_size > 10_000
    shown = re.search(r"!\[Arrows up and down of (.+)\]\(figures/schematics\.png\)", text_of(RUNNING))[1]
    assert re.findall(r"\b[a-z]{2,3}\b", shown.replace("and", "").replace("of", "")) == [
        rule for row in lesson_pictures.SCHEMATICS for rule in row]


def test_the_lines_on_many_runs_print_one_line_per_row(capsys):
    exec(compile(code(RUNNING, 'import feedbackalign as fa\n\nrows = fa.compare(["bp"'), "RUNNING.md", "exec"), {})
    printed = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert [words[:3] for words in printed] == [[rule, seed, epoch] for rule in ("bp", "pfa") for seed in "01"
                                                for epoch in "012"]
    assert all(words[4] == "0.0" for words in printed if words[0] == "bp")


def test_the_lines_on_threads_print_the_number_of_their_block(monkeypatch, capsys):
    library = [1]
    monkeypatch.setattr(threads, "_held", [])
    monkeypatch.setattr(threads, "_switch", lambda: (lambda n: library.append(n), lambda: library[-1]))
    for variable in threads.THREAD_VARIABLES:
        monkeypatch.delenv(variable, raising=False)
    exec(compile(code(RUNNING, "import feedbackalign as fa\nfa.blas_threads"), "RUNNING.md", "exec"), {})
    assert capsys.readouterr().out == "2\n" and library[-1] == 1


def test_the_lines_on_sweeps_print_a_table_and_the_best_setting(capsys):
    exec(compile(code(RUNNING, 'import feedbackalign as fa\n\nrows = fa.compare(["fa"'), "RUNNING.md", "exec"), {})
    *table, best = capsys.readouterr().out.splitlines()
    assert "validation accuracy %" in table[1] and "fa, lr 0.01, density 1" in table[2]
    assert re.fullmatch(r"0.1 (1.0|0.5) 0\.\d{3}", best)


@pytest.mark.parametrize("shape", [(6,), pytest.param((3, 4), marks=pytest.mark.slow)], ids=["rows", "images"])
def test_the_lines_on_new_samples_call_them_what_the_test_set_was_called(tmp_path, monkeypatch, capsys, shape):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    x, y = rng.normal(5, 3, size=(200, *shape)), np.repeat(["cat", "dog"], 100)
    x[100:] += 4
    np.savez("mine.npz", x=x, y=y)
    np.save("new.npy", np.concatenate([x[:3], x[-3:]]))
    assert cli.main("train --rule bp --data mine.npz --hidden 8 --epochs 9 --out my-run --quiet".split()) == 0
    capsys.readouterr()
    exec(compile(code(RUNNING, "import numpy as np\n\nimport feedbackalign"), "RUNNING.md", "exec"), {})
    assert capsys.readouterr().out == "cat cat cat dog dog dog\n"


@pytest.mark.parametrize("page, first_line, name, options", [
    (README, '"""Feedback alignment through weights', "RandomSigns", {}),
    (RULES, '"""Feedback alignment through synapses', "TernaryFeedback", {"present": 0.5}),
    (RUNNING, '"""Every hidden layer guesses', "OwnGuesses", {}),
], ids=["README", "RULES", "RUNNING"])
def test_the_rule_of_ones_own_holds_what_it_says(page, first_line, name, options):
    scope = {}
    exec(compile(code(page, first_line), page.name, "exec"), scope)
    kind = scope[name]
    assert [row["what"] for row in check.run(rules=[kind]) if not row["passed"]] == []
    assert rules.options_of(kind) == options
    rows = SmallRun(kind).train(epochs=20)
    assert rows[-1]["train_loss"] < rows[1]["train_loss"]
    assert rows[-1]["update_angle"]["fc1.weight"] is not None, "an error came down"


@pytest.fixture
def ones_own(tmp_path, monkeypatch):
    """The files of the user's own that the pages tell of, in the working directory."""
    monkeypatch.chdir(tmp_path)
    own = [block for block in blocks(README, "python") + blocks(RULES, "python") if "class " in block]
    files = {"my_rule.py": "\n".join(own), "my_guess.py": code(RUNNING, '"""Every hidden layer guesses'),
             "my_data.py": code(RUNNING, "import numpy as np\n\nfrom feedbackalign.data"),
             "my_net.py": code(RUNNING, "from feedbackalign.layers"),
             "mine.csv": "length,species\n" + "".join(f"{k},{'ab'[k % 2]}\n" for k in range(50))}
    for name, text in files.items():
        Path(name).write_text(text, encoding="utf-8")
    np.savez("mine.npz", x=np.random.default_rng(0).normal(size=(50, 8, 8)), y=np.arange(50) % 2)


def test_data_and_network_of_ones_own_are_trained_as_the_page_says(ones_own):
    for settings in ({"data": "my_data.py:rings"}, {"data": "mine.npz", "model": "my_net.py:convnet"},
                     {"data": "digits", "model": "my_net.py:convnet"},
                     {"data": "mine.csv", "label_column": "species", "test_share": 0.3}):
        rows = runs.Run("fa", epochs=1, batch_size=20, **settings).train()
        assert rows[-1]["test_accuracy"] is not None and rows[-1]["sha256"]


def test_the_table_of_a_rule_has_all_that_a_rule_has():
    told = set(re.findall(r"`(?:\w+ = )?(\w+)", section(RUNNING, "All that a rule may have")))
    has = {name for name in vars(rules.Rule) if not name.startswith("_")} | {"send_back", "learn_feedback", "route"}
    assert has <= told
    assert {name for name in told if hasattr(rules.ErrorSendingRule, name)} >= has


def commands(page):
    """Every command line of the package on a page, in blocks and in backticks."""
    found = [line for block in blocks(page) for line in block.splitlines()]
    found += re.findall(r"`(feedbackalign [^`…]+)`(?! …)", re.sub(r"^```.*?^```", "", text_of(page), flags=re.M | re.S))
    return [line.split("&& ")[-1] for line in found if re.match(r"(python -m pip .*&& )?feedbackalign \w", line)]


@every_page
def test_every_command_is_one_that_the_package_takes(page, ones_own):
    for line in commands(page):
        line = re.sub(r"\b(DIR|N)\b", "1", line).replace("NAME", "depth")
        parsed = arguments.parse(shlex.split(line)[1:])
        if parsed.command == "figure":
            assert parsed.name in figures.TRAINED | figures.EXPERIMENTS, line
        if parsed.command in ("compare", "train"):
            named = parsed.rules if parsed.command == "compare" else [parsed.rule]
            runs.sweep.plan(named, seeds=1, options=arguments.options_of(parsed), **arguments.settings_of(parsed))


def test_every_module_that_a_page_runs_is_there():
    modules = [name for page in PAGES for name in re.findall(r"^python -m (tests\.[\w.]+)", text_of(page), flags=re.M)]
    assert len(modules) >= 6
    assert [name for name in modules if not (CHECKOUT / f"{name.replace('.', '/')}.py").is_file()] == []


# --------------------------------------------------------------------------------------------------------------- tables

def test_the_readme_groups_every_rule_into_one_family():
    assert sorted(name for _, rules_of in cells(section(README, "The rules"))[1:]
                  for name in names(rules_of)) == sorted(rules.TABLE)


def test_every_rule_has_one_row_that_leads_to_its_file():
    links = [re.match(r"\[`([\w-]+)`\]\((.+)\)$", row[0]) for row in cells(text_of(RULES))]
    rows = [(link[1], (RULES.parent / link[2]).resolve()) for link in links if link]
    assert sorted(name for name, _ in rows) == sorted(rules.TABLE)
    for name, path in rows:
        assert path == Path(inspect.getsourcefile(rules.TABLE[name])), name


def test_every_name_in_backticks_on_the_page_of_the_rules_exists():
    prose = re.sub(r"^```.*?^```", "", text_of(RULES), flags=re.M | re.S)
    assert unknown_names(prose, "\n".join(blocks(RULES, "python"))) == []


def test_the_map_of_the_house_has_every_room():
    block = next(block for block in blocks(README) if block.startswith("data/"))
    shown = {name.strip("/").split("/")[-1] for name in re.findall(r"[a-z]+/[a-z/]*", block)}
    package = CHECKOUT / "feedbackalign"
    assert shown == {path.parent.name for path in package.rglob("*/__init__.py")}
    modules = set(re.findall(r"\b([a-z]+\.py)\b", block))
    assert modules == {"alignment.py", "base.py", "sending.py", "table.py"}
    assert all(list(package.rglob(module)) for module in modules)


def explained(heading, *columns):
    """All names in backticks in these columns of the tables under a heading of RUNNING."""
    return {name for row in cells(section(RUNNING, heading)) for column in columns for name in names(row[column])}


def test_every_key_of_a_row_is_explained():
    found = {"not_to_be_trusted", "failed", "sha256"} | set(
        runs.Run("bp", epochs=0, hidden=(4,), shuffled_labels=True, persistence=True,
                 validation=0.2).train()[0])
    for name in rules.TABLE:
        found |= set(SmallRun(name).train(epochs=1)[-1])
    found |= set(SmallRun("pfa", route="two-hop").train(epochs=0)[-1])
    assert explained("The keys of a row", 0) == found


@pytest.mark.slow
def test_every_key_of_an_experiment_is_explained():
    common = explained("The keys of a row", 0)
    keys = experiment_keys()
    rows = {"expansion": figures.expansion_rows(expansions=[2], draws=1),
            "nudge_bias": figures.nudge_bias_rows([1e-2]),
            "estimators": figures.estimators_rows(seeds=1, epochs=0, betas=[1.0]),
            "cauchy_error": figures.cauchy_error_rows(seeds=1, radii=(0.1,), points=(2,), samples=2),
            "homeostasis": figures.homeostasis_rows(seeds=1, epochs=0),
            "target_angles": figures.target_angles_rows(seeds=1, epochs=0, rules=("bp",)),
            "first_layer": figures.first_layer_rows(seeds=1, epochs=0, rules=("bp",)),
            "null_space": figures.null_space_rows(seeds=1, updates=0, rules=("dtp",)),
            "controller_at_work": figures.controller_at_work_rows(steps=2, every=2, pretraining=1),
            "compartments": figures.compartments_rows(epochs=0),
            "predictors": figures.predictors_rows(seeds=1, epochs=0),
            "autoencoder_feedback": figures.autoencoder_feedback_rows(seeds=1, epochs=0, pretraining=1),
            "gradient_band": figures.gradient_band_rows(seeds=1, epochs=1),
            "input_scale": figures.input_scale_rows(seeds=1, rates=[0.1], scales=[1.0], epochs=1),
            "step_tolerance": figures.step_tolerance_rows(seeds=1, etas=[0.5], penalties=[], hidden=(4,)),
            "filtration": figures.filtration_rows(),
            "topology": figures.topology_rows(seeds=1, epochs=0, rules=("bp",)),
            "detection_power": test_detection_power.rows(seeds=1),
            "spike_times": figures.spike_times_rows(epochs=0),
            "spike_kernels": figures.spike_kernels_rows(seeds=1, epochs=0),
            }
    found = {figure: set(some[-1]) for figure, some in rows.items()}
    found |= {name: set(plan("quick")[0].labels) for name, (plan, _) in figures.TRAINED.items()}
    for figure in figures.EXPERIMENTS | figures.TRAINED:
        own = keys.get(figure, set())
        assert own <= found[figure] <= own | common, figure


def experiment_keys():
    """{figure: its keys}; a figure's name stands in the first of its rows."""
    found, figure = {}, []
    for row in cells(section(RUNNING, "The keys of an experiment's rows")):
        figure = names(row[0]) or figure
        for name in figure:
            found.setdefault(name, set()).update(names(row[1]))
    return found


def test_every_column_of_a_table_is_explained(monkeypatch):
    shown = set()

    class Spy(tables.Column):
        def __init__(self, group, heading, cells):
            shown.add(group or heading)
            super().__init__(group, heading, cells)
    monkeypatch.setattr(tables, "Column", Spy)
    monkeypatch.setattr(figure_tables, "Column", Spy)
    about = {"model": "mlp", "hidden_layers": 1, "density": 1.0, "task": "noise"}
    rows = [row for rule, seeds in (("bp", 2), ("pfa", 1), ("dfc-ssa", 1)) for seed in range(seeds)
            for row in SmallRun(rule).train(epochs=1, about=about | {"seed": seed, "learning_rate_factor": len(rule)})]
    failed = {"rule": "bp", "seed": 9, "epoch": 1, "failed": "diverged", "settings": rows[0]["settings"]}
    tables.comparison_table([*rows, failed])
    rows = [row | {"validation_accuracy": 0.5, "validation_loss": 1.0} for row in rows]
    tables.comparison_table(rows)
    tables.comparison_table([row | {"test_accuracy": None} for row in rows])
    for name in figures.TRAINED:
        figure_tables.table(name, [row for row in rows if row["rule"] == "pfa"] if name == "decay" else rows)
    figure_tables.topology_table(test_topology.rows())
    assert explained("The columns of the tables", 0, 1) - figures.TRAINED.keys() == {
        heading.replace("|", "\\|") for heading in shown}

"""Every option of every command, with words that it must take and words that it must refuse.

WORDS[command][option] is a `Words`; an argument without dashes stands under its own name. A test fails where a command
or an option of the parser is missing here. FILES/ at the start of a word stands for a folder that the test fills.
"""

import dataclasses

FLAG = object()                         # an option that takes no word


@dataclasses.dataclass(frozen=True)
class Words:
    """What an option takes.

    good, bad, files : words that must do; that are refused with status 2; and with status 1, as a file not in order
    extreme : numbers that may do or fail, but in one sentence
    needs : {option: word} that the option asks for beside it; None takes a usual option away
    """

    good: tuple = ()
    bad: tuple = ()
    files: tuple = ()
    extreme: tuple = ()
    needs: dict = dataclasses.field(default_factory=dict)

    def beside(self, needs):
        """The same with {option: word} beside it."""
        return dataclasses.replace(self, needs={**self.needs, **needs})


LONG = "9" * 400
NO_NUMBERS = ("x", "", "nan", "inf", "-inf", LONG, "-" + LONG, "1_0", "٣")


def number(*good, bad=()):
    """An option that takes a real number."""
    extreme = tuple(word for word in ("1e-320", "1e308", "1e-30") if word not in bad)
    return Words(good, (*NO_NUMBERS, "1,5", *bad), extreme=extreme)


def count(*good, bad=("-1",)):
    """An option that takes an integer."""
    return Words(good, (*NO_NUMBERS, "1.5", "1e3", "1e308", "1e-320", *bad))


def word(*good, bad=()):
    """An option that takes one of some words."""
    return Words(good, ("none-such", "", "3", *bad))


def flag():
    return Words((FLAG,), ("=yes", "=", "=False"))


def folder(*good, needs=None):
    return Words(good, ("", " "), ("FILES/a-file", "FILES/a-file/below", "FILES/" + "x" * 300), needs=needs or {})


USUAL = {
    "compare": {"--rules": "bp", "--seeds": "1", "--epochs": "0", "--hidden": "4", "--jobs": "1", "--quiet": FLAG},
    "train": {"--rule": "bp", "--epochs": "0", "--hidden": "4", "--quiet": FLAG},
    "plot": {"record": "FILES/run"},
    "figure": {"name": "nudge_bias", "--quiet": FLAG},
    "trace": {"--rule": "bp", "--batch": "5", "--hidden": "4"},
    "check": {"--rules": "bp"},
    "rules": {},
    "lessons": {},
    "exercise": {},
    "data": {},
}

OUTPUT = {"--out": folder("out", "a/b"), "--format": word("svg", "png,pdf", bad=("gif", ",", "png,gif")),
          "--threads": count("1", "2", bad=("0", "-1")), "--quiet": flag()}
SLIDE = {"--size": Words(("8x4.5", "4X3"), ("8", "x", "", "0x4", "1e308x2", "nanx3", "8x4x2", LONG + "x3", "101x2")),
         "--theme": word("dark", "light")}
RULE_NAMES = ("pfo", "", "nothing.py:Rule", "my_rule.py", "FILES/my_rule.py:Other", "FILES/my_net.py:net",
              "pfa:expnsion=2", "pfa:expansion=x", "pfa:expansion=" + LONG)
RULE = {"--rule": Words(("pfa", "fa:density=0.5", "FILES/my_rule.py:MyRule"), (*RULE_NAMES, "bp,fa"),
                        ("FILES/raises.py:Rule",)),
        "--seed": count("0", "7", "123456789012")}
IMAGES = {"--model": "digits-conv", "--hidden": None}

SETTINGS = {
    "--model": Words(("mlp", "mlp-bn", "FILES/my_net.py:net"), ("mpl", "", "nothing.py:net", "my_net.py",
                                                                  "FILES/my_net.py:other"), needs={"--hidden": None}),
    "--data": Words(("digits", "fashion-mini", "FILES/mine.csv", "FILES/mine.npz", "FILES/my_data.py:make"),
                    ("digit", "", "nothing.py:make", "FILES/my_data.py:other"),
                    ("nothing.csv", "FILES/a-file.npz", "FILES/a-file.csv")),
    "--test-share": number("0.5", "0.2", bad=("0", "1", "-0.5", "1e308")).beside({"--data": "FILES/mine.csv"}),
    "--label-column": Words(("kind", "0", "-3"), files=("none-such", "99", "1.5", "-1"),
                            needs={"--data": "FILES/mine.csv"}),
    "--data-dir": Words(("FILES/mnist",), ("",), ("nothing", "FILES/a-file", "FILES")).beside({"--data": "mnist"}),
    "--validation": number("0", "0.2", bad=("1", "-0.1", "1e308")),
    "--shuffled-labels": flag(),
    "--hidden": Words(("4", "4,3"), ("x", "", ",", "0", "-1", "1.5", "4,x", "nan", LONG, "1e3", "99999999999")),
    "--activation": word("relu", "tanh", bad=("rely",)),
    "--init": word("xavier-uniform", "kaiming-uniform", bad=("kaiming",)),
    "--dtype": word("float32", "float64", bad=("float16", "double")),
    "--augment": word("none", "crop-flip", bad=("flip",)).beside({"--model": "digits-conv", "--hidden": None}),
    "--lr": number("0.1", "1e-3", bad=("0", "-1")),
    "--momentum": number("0", "0.5", bad=("1", "-0.1", "1e308")),
    "--lr-milestones": Words(("1", "1,2"), ("x", "", ",", "0", "-1", "1.5", "nan", LONG, "1,x")),
    "--lr-factor": number("0.1", "1", bad=("0", "-1")),
    "--decay": Words(("authors", "equal", "0", "0.001"), ("author", "", "-1", "nan", "inf", LONG, "0.1,0.2", "None",
                                                          "True"), extreme=("1e308", "1e-320")),
    "--optimizer": word("sgd", "adam", bad=("sdg",)),
}
TRAINING = {"--epochs": count("0", "1", bad=("-1", LONG)), "--persistence": flag()}

MODELS = {"ep": "settling", "ep-vf": "settling", "hep": "settling", "hep-homeo": "settling", "ode-to-ode": "ode-to-ode",
          "corinfomax": "corinfomax", "relpsp": "spiking"}


def of(rule, words):
    """An option of this rule."""
    return rule, words


RULE_OPTIONS = {
    "--density": of("fa", number("0.5", "1", bad=("0", "2", "-1", "1e308"))),
    "--route": of("pfa", word("two-hop", "closed-form", "None", bad=("explicit", "True"))),
    "--mirror-rate": of("wm", number("0.1", bad=("0", "1", "-1", "1e308"))),
    "--sigma": of("np", number("0.01", bad=("0", "-1"))),
    "--expansion": of("pfa", count("2", bad=("0", "-1", "True", "None"))),
    "--learn-start": of("ode-to-ode", word("True", "false", bad=("no", "0"))),
    "--start-rate": of("ode-to-ode", number("0.2", bad=("0", "-1"))),
    "--estimator": of("ep", word("one-sided", "random-sign")),
    "--beta": of("ep", number("0.3", "-0.2", "None", bad=("0", "True"))),
    "--free-steps": of("ep", count("3", "None", bad=("0", "-1"))),
    "--settled": of("ep", number("0.1", "0", "None", bad=("1.1", "-1", "1e308"))),
    "--nudged-steps": of("hep", count("3", bad=("0", "-1"))),
    "--sweep": of("ep", word("synchronous")),
    "--damping": of("hep", number("0.3", "0", bad=("1", "-0.1", "1e308"))),
    "--update": of("ep-vf", word("kolen-pollack")),
    "--radius": of("hep", number("0.1", bad=("0", "-1"))),
    "--points": of("hep", count("2", "3", bad=("0", "-1"))),
    "--mode": of("hep", word("tangent", "oscillation")),
    "--periods": of("hep", count("2", bad=("0", "-1"))),
    "--angle": of("hep", number("0", "45", bad=("181", "-1", "1e308"))),
    "--pooling": of("hep", Words(("None",), ("none-such", "", "3"))),
    "--readout": of("ep", word("true", "false", bad=("no", "1"))),
    "--coefficient": of("hep-homeo", number("0", "2", bad=("-1",))),
    "--probes": of("hep-homeo", count("2", bad=("0", "-1"))),
    "--estimate": of("hep-homeo", word("full", "closed-form")),
    "--sign": of("corinfomax", word("fixed")),
    "--phases": of("corinfomax", count("2", "3", bad=("1", "4", "-1"))),
    "--step-size": of("corinfomax", number("0.1", bad=("0", "-1"))),
    "--step-rule": of("corinfomax", word("slow", "loop")),
    "--slow-by": of("corinfomax", number("0", "0.1", bad=("-1",))),
    "--smallest-step": of("corinfomax", number("0.01", bad=("0", "-1"))),
    "--leak": of("dfc", word("total")),
    "--epsilon": of("corinfomax", number("0.1", bad=("0", "-1"))),
    "--forgetting": of("corinfomax", number("0.9", bad=("0", "1", "-1", "1e308"))),
    "--output-leak": of("corinfomax", number("0", "2", bad=("-1",))),
    "--lateral": of("corinfomax", word("none", "woodbury")),
    "--sets": of("corinfomax", word("sparse", "signed-antisparse")),
    "--dual-rates": of("corinfomax", number("0.1", "None", bad=("-1",))),
    "--feedback-rate": of("corinfomax", number("0.1", "None", bad=("-1",))),
    "--target-step": of("dfc", number("0.1", bad=("0", "-1", "1e-30", "1e-320"))),
    "--alpha": of("dfc-ssa", number("0", "0.1", bad=("-1",))),
    "--k-p": of("dfc", number("0", "2", bad=("-1",))),
    "--signal": of("dfc", word("voltages", "slopes")),
    "--own-rates": of("dfc", word("true", bad=("yes",))),
    "--feedback": of("dfc", word("fixed")),
    "--output-feedback": of("dfc", word("learned")),
    "--pretraining": of("dtp", count("0", "3")),
    "--sleep-updates": of("dfc", count("0", "2")),
    "--sleep-steps": of("dfc", count("3", bad=("1", "-1"))),
    "--sleep-alpha": of("dfc", number("0.1", bad=("-1",))),
    "--sigma-floor": of("dfc", number("0", "0.01", bad=("-1",))),
    "--feedback-clip": of("dfc", number("1", "None", bad=("0", "-1"))),
    "--feedback-beta1": of("dfc", number("0.9", bad=("1", "-1"))),
    "--feedback-beta2": of("dfc", number("0.99", bad=("1", "-1"))),
    "--feedback-epsilon": of("dfc", number("1e-8", bad=("0", "-1"))),
    "--feedback-lr": of("dtp", number("0.01", bad=("0", "-1"))),
    "--feedback-decay": of("dtp", number("0", "None", bad=("-1",))),
    "--gamma": of("gnt", number("0", "1", bad=("-1",))),
    "--control-steps": of("dfc", count("5", bad=("0", "-1"))),
    "--dt": of("dfc", number("0.1", bad=("0", "-1", "0.5", "1e308"))),
    "--tau": of("dfc", number("0.5", bad=("0", "-1", "0.001", "1e-320", "1e-30"))),
    "--proactive": of("dfc", word("False", bad=("no",))),
    "--only-converged": of("dfc", word("True", bad=("yes",))),
    "--feedback-optimizer": of("dtp", word("sgd", bad=("sdg",))),
    "--extra-epochs": of("dtp", count("0", "2")),
    "--hidden-units": of("ddtp-rhl", count("8", bad=("0", "-1"))),
    "--recurrent": of("ddtp-rhl", word("True", bad=("no",))),
    "--eta": of("semi-implicit", number("0.1", bad=("0", "-1"))),
    "--top": of("proxprop", word("gradient")),
    "--weight-penalty": of("semi-implicit", number("2", bad=("0", "-1"))),
    "--bias-penalty": of("semi-implicit", number("2", bad=("0", "-1"))),
    "--solver": of("semi-implicit", word("newton")),
    "--silent-push": of("relpsp", number("0", "None", bad=("-1",))),
    "--slope-floor": of("relpsp", number("0.1", "None", bad=("0", "-1"))),
}


def rule_options(how):
    """The words of all options of rules for a command that names its rule by `how`, --rule or --rules."""
    return {option: dataclasses.replace(words, needs={how: rule, "--model": MODELS.get(rule)})
            for option, (rule, words) in RULE_OPTIONS.items()}


CALLED = {("figure", "name"): "figure", ("data", "action"): "data", ("data", "name"): "data set",
          ("exercise", "number"): "exercise"}               # what a message calls an argument without dashes

WORDS = {
    "compare": {
        "--rules": Words(("bp,fa", "pfa,pfa:expansion=2", "FILES/my_rule.py:MyRule"), (*RULE_NAMES, ",", "bp,bp"),
                         ("FILES/raises.py:Rule",)),
        "--seeds": Words(("2", "4,7", "4,"), ("x", "", ",", "0", "-1", "1.5", "1,1", "-1,2", "nan", LONG, "10001")),
        "--jobs": count("1", "2", bad=("0", "-1")),
        **OUTPUT, **SLIDE, "--resume": flag(), "--overwrite": flag(), "--debug": flag(), **SETTINGS, **TRAINING,
        "--batch-size": Words(("8", "8,16"), ("x", "", ",", "0", "-1", "1.5", "100000", "nan", LONG, "8,x")),
        "--lr": Words(("0.1", "0.1,0.01"), ("x", "", ",", "0", "-1", "nan", "inf", LONG, "0.1,x", "0.1,nan"),
                      extreme=("1e308", "1e-320")),
        **rule_options("--rules"),
    },
    "train": {
        **RULE, **OUTPUT, **SLIDE, "--resume": flag(), "--debug": flag(), "--checkpoint-every": count("1", bad=("0",)),
        **SETTINGS, **TRAINING, "--batch-size": count("8", bad=("0", "-1", "100000", "8,16")), **rule_options("--rule"),
    },
    "plot": {
        "record": Words(("FILES/run", "FILES/run/record.jsonl"),
                        files=("nothing", "FILES/a-file", "FILES/mnist", "FILES/mine.csv", "FILES/" + "x" * 300)),
        "--out": folder("out", "a/b"), "--format": OUTPUT["--format"], **SLIDE, "--debug": flag(),
        "--table": word("csv", "markdown", "latex", bad=("excel",)), "--animate": flag(), "--page": flag(),
    },
    "figure": {
        "name": word("nudge_bias", "depth", bad=("nudge-bias",)),
        "--scale": word("quick", "laptop", bad=("large",)).beside({"name": "depth"}),
        "--data-dir": Words(("FILES/mnist",), ("",), ("nothing", "FILES/a-file")).beside({"name": "mlp"}),
        "--jobs": count("1", bad=("0", "-1")), **OUTPUT, "--resume": flag(), "--debug": flag(),
    },
    "trace": {
        **RULE, "--batch": count("2", bad=("0", "-1", "100000")), "--steps": count("0", "2"), "--debug": flag(),
        **SETTINGS, **rule_options("--rule"),
    },
    "check": {"--rules": Words(("bp", "bp,fa"), ("pfo", "", ",", "nothing.py:Rule", "FILES/my_rule.py:Other")),
              "--seed": count("0", "5"), "--debug": flag()},
    "rules": {"--debug": flag()},
    "lessons": {"--to": folder("course"), "--notebook": flag().beside({"--to": "course"}), "--debug": flag()},
    "exercise": {"number": Words(("1.1", "3.1"), ("99.1", "", "x", "1", "1.99", "nan", LONG)), "--debug": flag(),
                 "file": Words(("FILES/answer.py",), ("", " "), ("nothing.py", "FILES/mnist"),
                               needs={"number": "1.1"}),
                 "--reset": dataclasses.replace(flag(), needs={"--reset": FLAG})},  # it stands beside no number
    "data": {"action": Words(("fetch",), ("get", "", "mnist", "3"), needs={"name": "mnist", "--to": "sets"}),
             "name": Words(("mnist",), ("fashon", "", "3"), needs={"action": "fetch", "--to": "sets"}),
             "--to": folder("sets", "a/b", needs={"action": "fetch", "name": "mnist"}),
             "--from": Words(("file://FILES/source",), ("ftp://x/", "", "x", "http://", "http://[", "file://"),
                             needs={"action": "fetch", "name": "mnist", "--to": "sets"}), "--debug": flag()},
}

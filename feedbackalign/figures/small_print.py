"""The small print below a figure: what was trained, what lines and bands are, weight decay, the names of the rules."""

from feedbackalign.runs.groups import rule_of
from feedbackalign.runs.rows import rows_by_run

LETTERS = 138               # that fit into one line
MOST_LINES = 3

# What the short names of the rules stand for.
NAMES = {
    "bp": "backprop", "fa": "feedback alignment", "dfa": "direct feedback alignment",
    "drtp": "direct random target projection", "top-only": "nothing sent", "usf": "signs of W",
    "brsf": "signs, batchwise random", "frsf": "signs, fixed random", "kp": "Kolen-Pollack",
    "wm": "weight mirror", "pfa": "product feedback alignment", "pfa-o": "B orthogonal",
    "pfa-i": "B the identity", "wp": "weight perturbation", "np": "node perturbation",
    "ep": "equilibrium propagation", "ep-vf": "ep, vector field", "hep": "holomorphic ep",
    "hep-homeo": "hep, Jacobian homeostasis",
    "dfc": "deep feedback control", "dfc-ss": "dfc, last state", "dfc-ssa": "dfc, steady state solved",
    "tp": "target propagation", "dtp": "difference tp", "dtp-drl": "difference tp, difference reconstruction",
    "ddtp-linear": "direct difference tp", "ddtp-rhl": "direct difference tp, hidden layer",
    "ddtp-control": "direct difference tp, control", "gnt": "Gauss-Newton targets",
    "relpsp": "backprop through spike times",
    "corinfomax": "correlative information maximisation", "ode-to-ode": "flow on O(d)",
    "consequentialism": "consequences before updates", "semi-implicit": "semi-implicit steps",
    "proxprop": "proximal backprop",
}


def small_print(rows, groups, *more):
    """Lines that every figure of a record carries: model and data, seeds, `more`, weight decay.

    Parameters
    ----------
    rows : list of dict
    groups : iterable of dict
        The dicts of curves that were drawn, as `mean_curves` makes them.
    *more : str
        Empty ones are left out.

    >>> small_print([{"rule": "fa", "epoch": 1, "model": "mlp", "data": "digits", "weight_decay": 1e-4}], [])
    'mlp, digits   ·   one seed, so no bands   ·   weight decay: 1e-4'
    """
    setting = ", ".join(str(rows[0][key]) for key in ("model", "data") if rows[0].get(key))
    decay = decay_in_words(rows)
    dashes = any(getattr(row["rule"], "place", 0) for row in rows)
    words = [setting, seeds_in_words({curve.seeds for group in groups for curve in group.values()}),
             "one colour a rule, the dash tells its settings" if dashes else "", *more,
             decay and f"weight decay: {decay}"]
    return fill(filter(None, words))


def failures(lost, drawn):
    """What the small print says of rules some of whose seeds were lost, {rule: words}; the others are in the legend.

    >>> failures({"fa": "diverged, epoch 1, fc2 (1 of 3 seeds)", "np": "diverged (3 of 3 seeds)"}, ["bp", "fa"])
    ['lost: fa, diverged, epoch 1, fc2 (1 of 3 seeds)']
    """
    words = [f"{rule}, {lost[rule]}" for rule in lost if rule in drawn]
    return [f"lost: {'; '.join(words)}"] if words else []


def in_legend(lost, drawn=()):
    """{rule: what the legend says} of rules of which nothing is drawn, for all their runs failed.

    >>> in_legend({"np": "diverged (3 of 3 seeds)"})
    {'np': 'np: diverged (3 of 3 seeds)'}
    """
    return {rule: f"{rule}: {words}" for rule, words in lost.items() if rule not in drawn}


def seeds_in_words(counts):
    """What lines and bands are, for these numbers of seeds.

    >>> seeds_in_words({2, 3}), seeds_in_words({1})
    ('mean over 2 to 3 seeds, band: lowest to highest', 'one seed, so no bands')
    """
    fewest, most = min(counts, default=1), max(counts, default=1)
    if most == 1:
        return "one seed, so no bands"
    return f"mean over {most if fewest == most else f'{fewest} to {most}'} seeds, band: lowest to highest"


def seeds_of(rows):
    """The same for all seeds of the rows.

    >>> seeds_of([{"seed": 0}, {"seed": 1}])
    'mean over 2 seeds, band: lowest to highest'
    """
    return seeds_in_words({len({row.get("seed") for row in rows})})


def layers_shown(shown, layers):
    """
    >>> layers_shown(["conv1", "fc1"], ["conv1", "conv2", "fc1"]), layers_shown(["fc1"], ["fc1"])
    ('2 of 3 layers', '')
    """
    return f"{len(shown)} of {len(layers)} layers" if len(shown) < len(layers) else ""


def spelled_out(rules):
    """What the rules' short names stand for; what "fa" means is said once.

    >>> spelled_out(["fa", "pfa", "mine"])
    'fa: feedback alignment; pfa: product fa'
    """
    rules = list(dict.fromkeys(map(rule_of, rules)))
    words = [f"{rule}: {NAMES[rule]}" for rule in rules if rule in NAMES]
    if "fa" in rules:
        words = [word if word.startswith("fa:") else word.replace(NAMES["fa"], "fa") for word in words]
    return fill(words, gap="; ")


def with_names(text, rules):
    """The small print, and below it what the rules' names stand for, where all of it is at most three lines."""
    both = f"{text}\n{spelled_out(rules)}".rstrip("\n")
    return both if both.count("\n") < MOST_LINES else text


def fill(words, width=LETTERS, gap="   ·   "):
    """The words in lines: as many side by side as fit into `width` letters.

    >>> fill(["one", "two", "three"], 12, gap=", ")
    'one, two\\nthree'
    """
    lines = []
    for word in words:
        if lines and len(lines[-1]) + len(gap) + len(word) <= width:
            lines[-1] += gap + word
        else:
            lines.append(word)
    return "\n".join(lines)


# ---------------------------------------------------------------------------------------------------- weight decay

def decay_in_words(rows, drop_step=None):
    """Each rule's weight decay in training, rules that share one named together; "" where the rows do not hold it.

    Parameters
    ----------
    rows : list of dict
        With `weight_decay`, the one of the last step of the epoch. A strong phase that ended within the first epoch
        shows only in `decay_at_start`, where the rows have it.
    drop_step : int, optional
        The step in which a decay that changed did so.

    >>> rows = [{"rule": "fa", "epoch": 1, "weight_decay": 1e-4}, {"rule": "pfa", "epoch": 1, "weight_decay": 0.03},
    ...         {"rule": "pfa", "epoch": 2, "weight_decay": 9e-5}]
    >>> decay_in_words(rows)
    '0.03 at first, then 9e-5 for pfa; 1e-4 for fa'
    >>> decay_in_words(rows[1:], drop_step=934)
    '0.03 until step 934, then 9e-5'
    """
    rules_by_decay = {}                                         # {((first, last), …): rules}
    for rule, seeds in rows_by_run(rows).items():
        decays = {_first_and_last_decay(group) for group in seeds.values()} - {None}
        if decays:
            rules_by_decay.setdefault(tuple(sorted(decays)), []).append(rule)
    every = [label for labels in rules_by_decay.values() for label in labels]
    named = {decays: _in_short(labels, every) for decays, labels in rules_by_decay.items()}
    by_number = sorted(named.items(), key=lambda pair: (len(pair[1]), [-first for first, _ in pair[0]]))
    words = [" or ".join(_change_in_words(*decay, drop_step) for decay in decays) for decays, _ in by_number]
    if len(words) < 2:
        return "".join(words)
    who = [", ".join(rules) for _, rules in by_number]
    if len(by_number[-1][1]) > 2:
        who[-1] = "all others"
    return "; ".join(f"{decay} for {rules}" for decay, rules in zip(words, who))


def _in_short(labels, every):
    """The labels, with one name for all groups of a rule where every label of it is among them."""
    elsewhere = {rule_of(label) for label in every if label not in labels}
    return list(dict.fromkeys(label if rule_of(label) in elsewhere else rule_of(label) for label in labels))


def _first_and_last_decay(group):
    """Of one run's rows in the order of epochs, or None; row 0 is measured before the optimiser has a decay."""
    known = [row["weight_decay"] for row in group
             if row["epoch"] > 0 and isinstance(row.get("weight_decay"), (int, float))]
    if not known:
        return None
    return group[0].get("decay_at_start", known[0]), known[-1]


def _change_in_words(first, last, step):
    if first == last:
        return short(last)
    return f"{short(first)} {'at first' if step is None else f'until step {step}'}, then {short(last)}"


def short(number):
    """
    >>> short(0.03), short(1e-4), short(9.000000001e-05), short(0)
    ('0.03', '1e-4', '9e-5', '0')
    """
    if number == 0 or abs(number) >= 1e-3:
        return f"{number:g}"
    digits, exponent = f"{number:.2e}".split("e")
    return f"{float(digits):g}e{int(exponent)}"



"""The commands that look at rules: `trace`, `check` and `rules`."""

import traceback

import numpy as np

from feedbackalign import alignment, rules, training
from feedbackalign.cli import report
from feedbackalign.cli.arguments import options_of, settings_of
from feedbackalign.cli.errors import reading_the_line
from feedbackalign.cli.streams import say
from feedbackalign.data import Batches
from feedbackalign.runs import sweep
from feedbackalign.runs.items import split_item
from feedbackalign.validation import require_integer


def trace(arguments):
    """One learning phase, as the rule's own `trace` shows it."""
    options = options_of(arguments)
    with reading_the_line():
        kind = rules.find(split_item(arguments.rule)[0])
        if "route" in rules.options_of(kind) and hasattr(kind, "routes"):
            options.setdefault("route", kind.routes[0])         # the one that is easy to read, not the fastest
        run, = sweep.plan([arguments.rule], seeds=[arguments.seed], options=options, **settings_of(arguments))
        steps = require_integer(arguments.steps, "steps", low=0)
        sweep.rehearse([run])
    rule, data = trained_for(run, steps)
    x, targets = data.batch(run.batch_size)
    with rule.network.undisturbed() as network:
        loss = network.loss(network.forward(x), targets)
    say(f"{run.rule_name} on {run.model_name}, {run.data_name}: the first {len(x)} training samples, "
          f"seed {run.seed}, after {steps} step{'s' * (steps != 1)}; loss {loss:.4g}")
    say(f"network: {rule.network!r}")
    if steps == 0 and rule.plastic() and kind.before_training is not rules.Rule.before_training:
        say("nothing is learnt yet, not even what this rule learns before training: see --steps 1")
    say()
    phase = rule.trace(x, targets)
    if phase:
        say(report.trace_text(phase))
    if not any(key == "update_angle" or key.startswith("angle_to_") for row in phase for key in row):
        for reference in rule.references(x, targets):
            angles = alignment.update_angles(rule, x, targets, to=reference)
            say(report.angles_text(angles, reference))


def trained_for(run, steps):
    """The run's rule and data after this many training steps, the same steps as in `train`."""
    rule, data, optimizer, stream = run.build()
    hook_batches = Batches(data.train, run.batch_size, rng=np.random.default_rng(stream.integers(2**63)),
                           augment=run.augmentation)
    batches = Batches(data.train, run.batch_size, rng=stream, augment=run.augmentation)
    lr_at, decay_at = run.lr_at(rule, len(data.train)), run.decay_at(rule)
    if steps:
        rule.before_training(hook_batches)
    done = 0
    while done < steps:
        for x, targets in batches:
            optimizer.lr, optimizer.weight_decay = lr_at(done), decay_at(done)
            training.train_step(rule, optimizer, x, targets)
            done += 1
            if done == steps:
                return rule, data
        rule.after_epoch(hook_batches)
    return rule, data


def check(arguments):
    """Print the checker's numbers, one per line; status 1 if one is out of its tolerance."""
    from feedbackalign import check as checker
    with reading_the_line():
        require_integer(arguments.seed, "seed", low=0)
        chosen = None if arguments.rules is None else [rules.find(rule) if ".py" in rule else rule
                                                       for rule in arguments.rules]
        for rule in chosen or []:
            rules.find(rule)
    total, failed = 0, 0
    on_error = traceback.print_exception if arguments.debug else None
    for row in checker.run(rules=chosen, seed=arguments.seed, on_error=on_error):
        say(report.check_line(row))
        total += 1
        failed += not row["passed"]
    say(f"{total - failed} of {total} checks passed")
    return 1 if failed else 0


def list_rules(arguments):
    """Print every rule of the table: name, idea, paper, options."""
    for name, kind in rules.TABLE.items():
        say(report.rule_text(name, kind, rules.options_of(name)))

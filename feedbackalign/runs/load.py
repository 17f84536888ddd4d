"""What a folder of `train` holds, back in Python: its rule with the trained weights, the network, and the data."""

import json

import numpy as np

from feedbackalign.runs.run import Run
from feedbackalign.training.checkpoints import Checkpoint, CheckpointError, fixed, read_meta, refuse_changed
from feedbackalign.validation import require_path


def load(folder):
    """-> (rule, network, data) of a folder that `feedbackalign train` wrote, as they were at its last checkpoint.

    The data has the form that the network takes. CheckpointError where the folder holds no such run, where one of its
    files is not as it was written, or where a file of the user's own has changed since.

        rule, network, data = fa.load("runs/pfa-mlp-digits-seed0")
    """
    folder = require_path(folder, "folder")
    path = folder / "settings.json"
    if (folder / "summary.json").exists() and not path.exists():
        raise CheckpointError(f"{folder}: holds a comparison, which keeps no networks; `feedbackalign train` does")
    try:
        kept = dict(json.loads(path.read_text(encoding="utf-8-sig")))
        fields = {field: tuple(map(tuple, value)) if field == "options" else value
                  for field, value in kept["run"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise CheckpointError(f"{folder}: expected a folder that `feedbackalign train` wrote ({error})") from error
    epochs = read_meta(folder / "checkpoint.npz")["progress"]["epoch"]
    try:
        run = Run(**fields)
    except TypeError as error:                          # a field of another name or kind
        raise CheckpointError(f"{path}: expected the settings of a run ({error})") from error
    refuse_changed(kept.get("sha256", {}), run.settings().get("sha256", {}), epochs)
    rule, data, optimizer, stream = run.build()
    batches, hook_batches = (data.batches(run.batch_size, rng=rng, augment=run.augmentation)
                             for rng in (stream, np.random.default_rng(0)))
    about = fixed({**run.about(rule), "persistence": run.persistence}, rule, data)
    checkpoint = Checkpoint(folder, rule, optimizer, batches, hook_batches, run.epochs, about)
    checkpoint.put_back(*checkpoint.read())
    return rule, rule.network, data

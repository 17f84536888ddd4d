"""Early stopping without labels: stop when the network's neural persistence no longer grows.

Rieck et al. 2019 (arXiv 1812.09764), algorithm 2: a value that exceeds the best one by more than `least_gain` becomes
the best; after `patience` epochs without one, stop. On small networks it is erratic: it may stop far too early, or
never.
"""

from feedbackalign.validation import describe, require_dict, require_integer, require_list, require_number


class EarlyStopping:
    """For `training.train(…, persistence=True, stop=EarlyStopping(…))`. A pure function of the rows: it keeps nothing.

    Parameters
    ----------
    patience : int
        Epochs without a gain after which to stop.
    burn_in : int
        Epochs that do not count: the first value that counts is the one after this many (0: before training).
    least_gain : float
        By how much a value must exceed the best one.

    >>> rows = [{"persistence": {"np": value, "why": None}} for value in (0.40, 0.50, 0.49, 0.50)]
    >>> stop = EarlyStopping(patience=2)
    >>> stop(rows[:3]), stop(rows)
    (False, True)
    """

    def __init__(self, patience=4, burn_in=0, least_gain=0.0):
        self.patience = require_integer(patience, "patience", low=1)
        self.burn_in = require_integer(burn_in, "burn_in", low=0)
        self.least_gain = require_number(least_gain, "least_gain", low=0)

    def __call__(self, rows):
        """Whether to stop after the last of these rows; row 0 was measured before training."""
        best, waited = None, 0
        for value in require_list(rows, "rows", _persistence)[self.burn_in:]:
            if best is None or value > best + self.least_gain:
                best, waited = value, 0
            else:
                waited += 1
                if waited == self.patience:
                    return True
        return False


def _persistence(row, what):
    measured = require_dict(row, what).get("persistence")
    if not isinstance(measured, dict):
        raise ValueError(f"EarlyStopping: the {what} hold no persistence; train with persistence=True; got "
                         f"{describe(row)}")
    if measured["np"] is None:
        raise ValueError(f"EarlyStopping: the network has no neural persistence ({measured['why']})")
    return measured["np"]

"""Rows of a record as a list that prints as a short table."""

SHOWN = ("rule", "seed", "epoch", "train_loss", "test_loss", "test_accuracy")
MOST = 24                           # rows that are printed


class Rows(list):
    """A list of dicts that prints as a short table, and is a list of dicts in all else.

    Of more than 24 rows the last of every run is shown; of more than 24 runs, or epochs of one run, the first and the
    last twelve.

    >>> Rows([{"rule": "fa", "seed": 0, "epoch": 1, "train_loss": None, "test_loss": 0.25, "lr": 0.1}])
    rule  seed  epoch  train_loss  test_loss
    fa       0      1           -       0.25
    1 row; the last is a dict of 6 keys
    """

    def __repr__(self):
        keys = [key for key in SHOWN if any(isinstance(row, dict) and key in row for row in self)]
        if not keys or not all(isinstance(row, dict) for row in self):
            return super().__repr__()
        ends = ends_of_runs(self)
        shown = ends if len(self) > MOST and len(ends) > 1 else list(self)
        lines = [keys, *([cell(row.get(key)) for key in keys] for row in shown)]
        widths = [max(map(len, column)) for column in zip(*lines)]
        text = ["  ".join([line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:])]).rstrip() for line in lines]
        if len(shown) > MOST:
            text[1 + MOST // 2:-(MOST // 2)] = ["..."]
        count = "1 row" if len(self) == 1 else f"{len(self)} rows"
        text.append(count + (", here the last of every run" if len(shown) < len(self) else "") +
                    f"; the last is a dict of {len(self[-1])} keys")
        return "\n".join(text)

    def __getitem__(self, place):
        found = super().__getitem__(place)
        return Rows(found) if isinstance(place, slice) else found

    def __add__(self, other):
        return Rows(super().__add__(other))


def ends_of_runs(rows):
    """The rows after which the epochs begin anew."""
    return [row for row, after in zip(rows, [*rows[1:], {}]) if after.get("epoch", 0) <= row.get("epoch", 0)]


def cell(value):
    """A value in a table: four digits of a float, "-" for what is not there."""
    return "-" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)

"""{callable: Entry(arguments)}, a file for each room of the house."""

from tests.hostile.table import data, figures, layers, measures, networks, rules, training

TABLE = {**layers.TABLE, **networks.TABLE, **rules.TABLE, **data.TABLE, **training.TABLE, **measures.TABLE,
         **figures.TABLE}

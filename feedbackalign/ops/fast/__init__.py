"""The same numbers as the definitions in `ops`, faster: tests hold both equal, layers and optimiser choose."""

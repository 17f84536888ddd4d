"""Pure functions on arrays: they import NumPy alone, never change an argument and never return a view of one."""

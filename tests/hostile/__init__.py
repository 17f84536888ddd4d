"""Calls that nobody should make: one argument is wrong, and the package has to say which, and what came.

    public          what counts as public: every callable that has to be in the table
    values          the kinds of arguments: good values, and bad ones by label, each kind once
    calls           draws calls from the table, makes them, and judges how they end
    table/          {callable: arguments}, a file for each room
"""

"""The command line: `feedbackalign compare` and the other commands.

    arguments      which words there are
    examples       of every command, for help
    commands       one function a command that trains or draws
    inspection     the commands that look at rules: trace, check, rules
    errors         errors in one line
    streams        where words are printed
    course         the commands of the lessons and their exercises
    done           which exercises are done
    data           the command of the data sets
    lessons        copies the lessons out of the package
    folders        the folders that commands write into
    progress       how far a run is, live
    figure_tables  the tables of the experiments that train
    report         decay, traces, checks and rules as text
"""

from feedbackalign.cli.commands import main

__all__ = ["main"]

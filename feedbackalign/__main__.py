"""python -m feedbackalign: the commands, without an installed script."""

import sys

from feedbackalign.cli import main

if __name__ == "__main__":          # worker processes import this file again
    sys.exit(main())

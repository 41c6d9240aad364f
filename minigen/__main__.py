"""`minigen COMMAND ...`, also `python -m minigen COMMAND ...`: the command line."""

import sys

from minigen.commands import main

if __name__ == "__main__":
    sys.exit(main())

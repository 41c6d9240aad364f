"""`minigen COMMAND ...`, also `python -m minigen COMMAND ...`: the command line."""

import os
import sys

if __name__ == "__main__" and not sys.flags.safe_path and not os.path.isdir(os.path.join(sys.path[0], "minigen")):
    del sys.path[0]  # the user's folder, whose files may shadow Python's own modules

from minigen.commands import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main())

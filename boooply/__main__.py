"""``python -m boooply``: the command, where the script is not on the path."""

import sys

from boooply.cli.main import main

if __name__ == "__main__":
    sys.exit(main())

"""``python -m boooply``: the command ``boooply``, also if its script is not on the path."""

import sys

from boooply.cli.main import main

if __name__ == "__main__":
    sys.exit(main())

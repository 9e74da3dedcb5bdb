"""`python -m pocketsflow_async.cli` is the command too."""

import sys

from pocketsflow_async.cli import main

if __name__ == "__main__":
    sys.exit(main())

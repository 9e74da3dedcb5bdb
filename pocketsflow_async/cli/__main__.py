"""`python -m pocketsflow_async.cli` is the command too."""

import sys

from pocketsflow_async.cli import main

sys.exit(main())

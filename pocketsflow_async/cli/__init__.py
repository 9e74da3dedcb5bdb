"""The command `pocketsflow`: export an account, check an export, or run the sandbox."""

import sys
from collections.abc import Sequence

from pocketsflow_async.cli._streams import open_streams

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: the words after `pocketsflow`; those of the process when None.

    Returns:
        0 when all was done, 1 when not, 2 for wrong usage, 130 when it was interrupted.
    """
    words = sys.argv[1:] if arguments is None else list(arguments)
    open_streams()
    try:
        from pocketsflow_async.cli._commands import run

        return run(words)
    except KeyboardInterrupt:
        sys.stderr.write("pocketsflow: interrupted\n")
        return 130

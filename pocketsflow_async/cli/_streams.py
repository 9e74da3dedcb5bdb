"""Standard output and standard error, whatever the caller made of them."""

import io
import os
import sys


def open_streams() -> None:
    """Make both streams writable: closed ones lead nowhere, and no character is too much for their encoding.

    A number that the caller closed (`>&-`, `2>&-`) would be given to the next file that is opened, and whatever prints
    to that number would write into it.
    """
    while (handle := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(handle)
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115 - open until the process ends
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def forget_streams() -> None:
    """Let what is still in their buffers go nowhere; Python would complain at its end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(nowhere, stream.fileno())
    os.close(nowhere)

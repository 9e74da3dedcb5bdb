"""What a command cannot do, told in one line."""


class CommandError(Exception):
    """The command cannot do what it was asked; the text says why, and what to do instead."""

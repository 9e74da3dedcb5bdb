"""Paths as they are sent: what RFC 3986 does not allow in one is percent-encoded, or refused."""

import re
from urllib.parse import quote, unquote

_SHAPE = re.compile(r"/|(/([^/{}?#]|\{[^/{}?#\s]+\})*)+")
_PARAMETER = re.compile(r"\{[^}]*\}")
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_ALLOWED = "/%:@!$&'()*+,;=~{}"


def template(path: str) -> str:
    """The path with ``{}`` for each parameter, percent-encoded; escapes that it has stay as they are."""
    return quote(_PARAMETER.sub("{}", path), safe=_ALLOWED)


def refusal(path: str) -> str:
    """Why a path cannot be sent, and what to write instead; none where it can be."""
    literal = _PARAMETER.sub("{}", path)
    if not _SHAPE.fullmatch(path):
        return "a path begins with a slash, has its parameters as {name}, and no query or fragment"
    if path.startswith("//"):
        return "a path that begins with two slashes would name another host: begin it with one"
    if "\\" in literal or not literal.isprintable():
        return "a path has no backslashes or control characters: write them percent-encoded, such as %5C"
    if _BAD_ESCAPE.search(literal):
        return "in a path % begins an escape of two hexadecimal digits: write %25 for the sign itself"
    if {".", ".."} & set(unquote(literal).split("/")):
        return "a path has no segments `.` or `..`, which are removed on the way: write the path without them"
    try:
        template(path)
    except UnicodeEncodeError:
        return "half a surrogate pair cannot be sent: write the whole character, or its escapes"
    return ""

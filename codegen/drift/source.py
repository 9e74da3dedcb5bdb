"""The vendor's document, from the network, a file or standard input: bytes first, then plain data."""

import json
import sys
import time
import urllib.error
import urllib.request
from http.client import HTTPException, IncompleteRead
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from codegen.complaint import CommandError
from codegen.drift.plain import is_mapping
from codegen.loading import is_too_deep

LIMIT = 20_000_000
"""Bytes that are read at most."""

_CHUNK = 1 << 16


def read(source: str, timeout: float) -> bytes:
    """Everything behind an address (http and https only), in a file, or on standard input for `-`.

    Raises:
        CommandError: it cannot be read, takes too long, or is too large.
    """
    if source == "-":
        return _limited(source, sys.stdin.buffer.read(LIMIT + 1))
    scheme = source.partition("://")[0].lower() if "://" in source else ""
    if scheme in {"http", "https"}:
        return _limited(source, _download(source, timeout))
    if scheme:
        raise CommandError(f"{source}: only http and https addresses, files and - are read")
    try:
        with Path(source).open("rb") as file:
            return _limited(source, file.read(LIMIT + 1))
    except (OSError, ValueError) as exc:
        raise CommandError(f"{source}: the file cannot be read: {getattr(exc, 'strerror', None) or exc}") from None


def parse(source: str, content: bytes) -> dict[str, Any]:
    """The OpenAPI 3 document in some JSON or YAML.

    Raises:
        CommandError: it is something else.
    """
    try:
        data = _plain(content.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise CommandError(f"{source}: this is not text in UTF-8") from None
    except RecursionError:
        raise CommandError(f"{source}: it is nested too deeply to be read") from None
    except (yaml.YAMLError, ValueError) as exc:
        mark = getattr(exc, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        reason = " ".join(str(getattr(exc, "problem", None) or exc).split())
        raise CommandError(f"{source}: this is neither JSON nor YAML{line}: {reason}") from None
    if not is_mapping(data) or ("openapi" not in data and "swagger" not in data):
        page = ": it looks like a web page" if content.lstrip()[:1] == b"<" else ""
        raise CommandError(f"{source}: this is no OpenAPI document, which says `openapi: 3…`{page}")
    version = str(data.get("openapi", ""))
    if not version.startswith("3."):
        told = f"Swagger {data['swagger']}" if "swagger" in data else f"OpenAPI {version}"
        raise CommandError(f"{source}: this is {told}; only OpenAPI 3.0 and 3.1 are compared: convert it first")
    return data


def _download(url: str, timeout: float) -> bytes:
    """The body of the answer; the timeout is that of the whole download."""
    until = time.monotonic() + timeout
    found = bytearray()
    try:
        _ = urlsplit(url).port  # refuses what is no address
        request = urllib.request.Request(url, headers={"Accept": "application/json, */*"})  # noqa: S310 - looked at above
        with urllib.request.urlopen(request, timeout=timeout) as answer:  # noqa: S310 - looked at above
            while chunk := answer.read1(_CHUNK):
                found += chunk
                if len(found) > LIMIT:
                    break
                if time.monotonic() > until:
                    raise TimeoutError  # noqa: TRY301 - the same as when nothing comes at all
            if answer.length and len(found) <= LIMIT:
                raise IncompleteRead(bytes(found), answer.length)
    except urllib.error.HTTPError as exc:
        exc.close()
        raise CommandError(f"{url}: the server answered {exc.code} {exc.reason}") from None
    except TimeoutError:
        raise CommandError(f"{url}: no whole answer within {timeout:g} s") from None
    except urllib.error.URLError as exc:
        if isinstance(exc.reason, TimeoutError):
            raise CommandError(f"{url}: no whole answer within {timeout:g} s") from None
        raise CommandError(
            f"{url}: it cannot be reached: {getattr(exc.reason, 'strerror', None) or exc.reason}"
        ) from None
    except (HTTPException, OSError, ValueError) as exc:
        raise CommandError(f"{url}: it cannot be read: {exc or type(exc).__name__}") from None
    return bytes(found)


def _limited(source: str, content: bytes) -> bytes:
    if len(content) > LIMIT:
        raise CommandError(f"{source}: it is larger than {LIMIT // 1_000_000} MB")
    return content


def _plain(text: str) -> Any:
    if text.lstrip().startswith(("{", "[")):
        try:
            return json.loads(text)
        except json.JSONDecodeError:
            pass  # YAML in braces, perhaps
    if is_too_deep(text):
        raise RecursionError
    return yaml.load(text, _Loader)  # noqa: S506 - a safe loader


_Safe: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the one in C is not always there


# Reads YAML as JSON would be read: a date is text.
_Loader: Any = type("_Loader", (_Safe,), {})
_Loader.yaml_implicit_resolvers = {
    first: [rule for rule in rules if rule[0] != "tag:yaml.org,2002:timestamp"]
    for first, rules in _Safe.yaml_implicit_resolvers.items()
}

"""Takes secrets that a server repeats out of what becomes an error, however the server spells them."""

import html
import json
import re
from base64 import b64encode
from collections.abc import Iterator
from urllib.parse import quote, quote_plus, unquote_to_bytes

from pocketsflow_async._response import Response
from pocketsflow_async.errors import APIResponseError

_SHORTEST = 4
"""Characters; a shorter text is no secret, and occurs in any response."""

_KEPT = 1 << 16
"""Bytes of a body that an error keeps."""

_NESTED = 4
"""Encodings around one another that are looked through."""

_HIDDEN = b"***"
_GAPS = re.compile(rb"[\0\s]+")
_ESCAPE = re.compile(rb"\\(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|(.))", re.DOTALL)
_FROM_URL_SAFE = bytes.maketrans(b"-_", b"+/")


def redact(body: bytes, secrets: tuple[str, ...], *, is_whole: bool = True) -> bytes:
    """The first 64 KiB of a body, without the secrets.

    Each secret as sent, percent-encoded, JSON-escaped, in HTML, Base64 or hexadecimal becomes `***`. Where one shows
    in a mixture of these, `***` is all that is left.

    Args:
        body: as it arrived.
        secrets: texts of four characters or more.
        is_whole: False for a body that was cut off, perhaps within a secret.
    """
    known = [secret for secret in secrets if len(secret) >= _SHORTEST]
    spellings = sorted({form for secret in known for form in _spellings(secret)}, key=len, reverse=True)
    clean = body[: 2 * _KEPT]  # a secret at the end of what is kept must be seen whole
    for spelling in spellings:
        clean = clean.replace(spelling, _HIDDEN)
    if not is_whole:
        clean = clean[: min(_end_without_start_of(spelling, clean) for spelling in spellings or (b"",))]
    clean = clean[:_KEPT]
    return _HIDDEN if any(_shows(clean, secret) for secret in known) else clean


def redact_text(text: str, secrets: tuple[str, ...]) -> str:
    """A text without the secrets, as `redact` does it."""
    return redact(text.encode("utf-8", "surrogatepass"), secrets).decode("utf-8", "surrogatepass")


def redact_error(error: APIResponseError, secrets: tuple[str, ...], name: str, response: Response) -> APIResponseError:
    """The error of the operation `name` without the secrets; it quotes nothing of a body that repeats one."""
    body, message = redact(response.body, secrets), redact_text(error.message, secrets)
    if body != response.body[:_KEPT]:
        message = message.partition("; it begins with")[0]
    path = redact_text(error.path, secrets)
    clean = APIResponseError(f"{name}: {message}", path=path, status=response.status, body=body)
    clean.attempts = response.failures
    return clean


def _spellings(secret: str) -> Iterator[bytes]:
    """The usual spellings of a secret in a response."""
    plain = _encoded(secret)
    percent = quote(plain, safe="")
    escaped = json.dumps(secret)[1:-1]
    texts = (percent, percent.lower(), quote(plain), quote_plus(plain), escaped, escaped.replace("/", "\\/"))
    yield plain
    yield from map(_encoded, (*texts, html.escape(secret)))
    yield plain.hex().encode()
    for core in _base64(secret):
        yield core
        yield core.translate(bytes.maketrans(b"+/", b"-_"))


def _end_without_start_of(spelling: bytes, body: bytes) -> int:
    """The length of a body without the part of a secret that it ends with."""
    for length in range(len(spelling) - 1, 0, -1):
        if body.endswith(spelling[:length]):
            return len(body) - length
    return len(body)


def _base64(secret: str) -> Iterator[bytes]:
    """What is the same in the Base64 of any text that holds the secret, as sent or percent-encoded."""
    for raw in {_encoded(secret), quote_plus(_encoded(secret)).encode()}:
        for shift, begin in enumerate((0, 2, 3)):
            core = b64encode(bytes(shift) + raw)[begin : (shift + len(raw)) * 8 // 6]
            if len(core) >= _SHORTEST:
                yield core


def _shows(body: bytes, secret: str) -> bool:
    """Whether a secret can be read in a body, with the encodings taken off one after the other."""
    plain = _GAPS.sub(b"", _encoded(secret))
    hexadecimal, cores = plain.hex().encode(), set(_base64(secret))
    for _ in range(_NESTED):
        flat = _GAPS.sub(b"", body)
        if plain in flat or hexadecimal in flat.lower():
            return True
        flat = flat.translate(_FROM_URL_SAFE)
        if any(core in flat for core in cores):
            return True
        before, body = body, _decoded(body)
        if body == before:
            return False
    return False


def _decoded(body: bytes) -> bytes:
    """The body with one layer of percent-encoding, escapes and entities taken off."""
    text = unquote_to_bytes(_ESCAPE.sub(_character, body)).decode("utf-8", "surrogateescape")
    return html.unescape(text).encode("utf-8", "surrogateescape")


def _character(found: re.Match[bytes]) -> bytes:
    unit, byte, other = found.groups()
    if unit:
        return chr(int(unit, 16)).encode("utf-8", "replace")
    if byte:
        return bytes([int(byte, 16)])
    return b" " if other in b"nrt" else other


def _encoded(secret: str) -> bytes:
    return secret.encode("utf-8", "surrogatepass")

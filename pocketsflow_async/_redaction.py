"""Takes secrets that a server repeats out of what becomes an error, however the server spells them."""

import html
import json
import re
from base64 import b64decode, b64encode
from collections.abc import Iterator
from urllib.parse import quote, quote_plus, unquote_to_bytes

from pocketsflow_async._response import Response
from pocketsflow_async.errors import APIResponseError

_SHORTEST = 4
"""Characters; a shorter text is no secret, and occurs in any response."""

_LONG = 8
"""Characters of a text that no response holds by chance."""

_KEPT = 1 << 16
"""Bytes of a body that an error keeps."""

_NESTED = 4
"""Encodings around one another that are looked through."""

_HIDDEN = b"***"
_NOISE = bytes(code for code in range(256) if not 0x21 <= code <= 0x7E or code == ord("\\"))
_ESCAPE = re.compile(
    rb"(?<!\\)\\++(?:u\{([\da-f]{1,6})\}|U([\da-f]{8})|u([\da-f]{4})|x([\da-f]{2})|[nrt])|%u([\da-f]{4})", re.IGNORECASE
)
_BASE64 = re.compile(rb"[A-Za-z0-9+/]{12,}")
_FROM_URL_SAFE = bytes.maketrans(b"-_", b"+/")
_TO_URL_SAFE = bytes.maketrans(b"+/", b"-_")


class Redactor:
    """Replaces each secret by `***`, whether as sent, percent-encoded, JSON-escaped, in HTML, Base64 or hexadecimal.

    Where one shows in a mixture of these, `***` is all that is left. A secret of less than eight characters is only
    replaced where it is a whole word, because other words hold it by chance.

    Args:
        secrets: those of less than four characters are ignored.
    """

    def __init__(self, secrets: tuple[str, ...]) -> None:
        known = {secret for secret in secrets if len(secret) >= _SHORTEST}
        found = {secret for secret in known if len(_letters(secret)) >= _LONG}
        self._forms = _longest_first({form for secret in found for form in (*_forms(secret), *_base64(secret))})
        words = _longest_first({form for secret in known - found for form in _forms(secret)})
        self._words = re.compile(rb"(?<!\w)(?:%s)(?!\w)" % b"|".join(map(re.escape, words))) if words else None
        self._letters = {_letters(secret) for secret in found} | {_encoded(secret).hex().encode() for secret in found}
        self._cores = {core for secret in found for core in _base64(secret)}

    def body(self, body: bytes, *, is_whole: bool = True) -> bytes:
        """The first 64 KiB of a body, without the secrets.

        Args:
            body: as it arrived.
            is_whole: False for a body that was cut off, perhaps within a secret.
        """
        clean = body[: 2 * _KEPT]  # a secret at the end of what is kept must be seen whole
        for form in self._forms:
            clean = clean.replace(form, _HIDDEN)
        if self._words is not None:
            clean = self._words.sub(_HIDDEN, clean)
        if not is_whole:
            clean = clean[: min((_end_without_start_of(form, clean) for form in self._forms), default=None)]
        clean = clean[:_KEPT]
        return _HIDDEN if self._shows(clean) else clean

    def text(self, text: str) -> str:
        """A text without the secrets."""
        return self.body(text.encode("utf-8", "surrogatepass")).decode("utf-8", "surrogatepass")

    def _shows(self, body: bytes) -> bool:
        """Whether a secret can be read in a body, with the encodings taken off one after the other."""
        body = body.replace(b"\0", b"")  # UTF-16 and UTF-32
        for _ in range(_NESTED if self._letters or self._words else 0):
            letters = _letters(body)
            if any(secret in letters for secret in self._letters):
                return True
            if self._words is not None and self._words.search(body):
                return True
            flat = body.translate(_FROM_URL_SAFE, _NOISE)
            if any(core in flat for core in self._cores):
                return True
            before, body = body, _decoded(body)
            if body == before:
                return False
        return False


def redact(body: bytes, secrets: tuple[str, ...], *, is_whole: bool = True) -> bytes:
    """The first 64 KiB of a body, without the secrets; see `Redactor`."""
    return Redactor(secrets).body(body, is_whole=is_whole)


def redact_text(text: str, secrets: tuple[str, ...]) -> str:
    """A text without the secrets; see `Redactor`."""
    return Redactor(secrets).text(text)


def redact_error(error: APIResponseError, secrets: tuple[str, ...], name: str, response: Response) -> APIResponseError:
    """The error of the operation `name` without the secrets; it quotes nothing of a body that repeats one."""
    redactor = Redactor(secrets)
    body, message = redactor.body(response.body), redactor.text(error.message)
    if body != response.body[:_KEPT]:
        message = message.partition("; it begins with")[0]
    return APIResponseError(f"{name}: {message}", path=redactor.text(error.path), status=response.status, body=body)


def _forms(secret: str) -> Iterator[bytes]:
    """The usual forms of a secret in a response, other than Base64."""
    plain = _encoded(secret)
    percent = quote(plain, safe="")
    escaped = json.dumps(secret)[1:-1]
    texts = (percent, percent.lower(), quote(plain), quote_plus(plain), escaped, escaped.replace("/", "\\/"))
    yield plain
    yield plain.hex().encode()
    yield from map(_encoded, (*texts, html.escape(secret)))


def _base64(secret: str) -> Iterator[bytes]:
    """What is the same in the Base64 of any text that holds the secret, as sent or percent-encoded."""
    for raw in {_encoded(secret), quote_plus(_encoded(secret)).encode()}:
        for shift, begin in enumerate((0, 2, 3)):
            core = b64encode(bytes(shift) + raw)[begin : (shift + len(raw)) * 8 // 6]
            yield core
            yield core.translate(_TO_URL_SAFE)


def _end_without_start_of(form: bytes, body: bytes) -> int:
    """The length of a body without the part of a secret that it ends with."""
    for length in range(len(form) - 1, 0, -1):
        if body.endswith(form[:length]):
            return len(body) - length
    return len(body)


def _decoded(body: bytes) -> bytes:
    """The body with one layer of percent-encoding, escapes and entities taken off, and what its Base64 stands for."""
    hidden = [b64decode(run[: len(run) // 4 * 4]) for run in _BASE64.findall(body.translate(_FROM_URL_SAFE))]
    if b"\\" in body or b"%" in body:
        body = unquote_to_bytes(_ESCAPE.sub(_character, body))
    if b"&" in body:
        body = _encoded(html.unescape(body.decode("utf-8", "ignore")))
    return b"\n".join((body, *hidden)).replace(b"\0", b"")


def _character(found: re.Match[bytes]) -> bytes:
    code = int(next(filter(None, found.groups()), b"20"), 16)
    return chr(code).encode("utf-8", "replace") if code < 0x110000 else b" "


def _letters(text: str | bytes) -> bytes:
    """What is left of a text in any character set and any case: its letters, digits and signs of ASCII."""
    return (_encoded(text) if isinstance(text, str) else text).translate(None, _NOISE).lower()


def _longest_first(forms: set[bytes]) -> list[bytes]:
    return sorted(forms, key=lambda form: (-len(form), form))


def _encoded(secret: str) -> bytes:
    return secret.encode("utf-8", "surrogatepass")

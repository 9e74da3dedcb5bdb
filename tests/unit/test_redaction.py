"""Secrets are taken out of what a server sends, in whatever spelling."""

import json
from base64 import b64encode
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pocketsflow_async._redaction import redact, redact_text

SECRET = 'topsecret/+=&<>" é'
LAYERS = {
    "percent": lambda text: quote(text, safe=""),
    "form": quote_plus,
    "JSON": lambda text: json.dumps(text)[1:-1],
    "escapes": lambda text: "".join(f"\\u{ord(mark):04x}" for mark in text),
    "entities": lambda text: "".join(f"&#{ord(mark)};" for mark in text),
}


@given(st.text(min_size=6, max_size=40), st.lists(st.sampled_from(sorted(LAYERS)), max_size=3), st.text(), st.text())
def test_a_secret_under_several_encodings_is_found(secret: str, layers: list[str], before: str, after: str) -> None:
    """Up to three encodings around one another are seen through."""
    secret = "key!" + "".join(mark for mark in secret if mark.isprintable() and mark != "%" and ord(mark) < 0x3000)
    spelled = secret
    for layer in layers:
        spelled = LAYERS[layer](spelled)

    clean = redact_text(f"{before}!{spelled}!{after}", (secret + "x", secret))

    assert spelled not in clean


@pytest.mark.parametrize("before", [b"", b"a", b"ab", b"abc"])
@pytest.mark.parametrize("raw", [SECRET.encode(), quote_plus(SECRET).encode()])
def test_base64_of_a_text_that_holds_a_secret_is_found(before: bytes, raw: bytes) -> None:
    """Wherever the secret begins in the encoded text, no more than its edges are left."""
    spelled = b64encode(before + raw + b"zz")

    clean = redact(b"sent: " + spelled, (SECRET,))

    assert b"***" in clean
    assert len(clean) < len("sent: ***") + 10


@given(st.binary(max_size=300))
def test_what_holds_no_secret_stays_as_it_is(body: bytes) -> None:
    """A body is cut after 64 KiB, and else unchanged."""
    assert redact(body, ("pk_test_sandbox", "", "abc")) == body


def test_a_secret_on_the_edge_is_not_cut_in_two() -> None:
    """Of a long body the beginning is kept, and no part of a secret that lies across its end."""
    for place in range(65_520, 65_537):
        clean = redact(b"x" * place + b"pk_test_sandbox" + b"y" * 100_000, ("pk_test_sandbox",))
        assert len(clean) <= 1 << 16
        assert clean.strip(b"x").strip(b"y") in {b"***", b"**", b"*", b""}


@pytest.mark.parametrize("layer", ["percent", "form", "JSON"])
def test_a_body_that_was_cut_off_within_a_secret(layer: str) -> None:
    """No part of a secret is left at the end, wherever the body was cut."""
    secret = "pk_test/sandbox"
    spelled = LAYERS[layer](secret)
    for length in range(1, len(spelled)):
        clean = redact(f"the key is {spelled[:length]}".encode(), (secret,), is_whole=False)
        assert clean == b"the key is "


FORMS = {
    "UTF-16": lambda text: text.encode("utf-16"),
    "UTF-16, percent": lambda text: quote(text, safe="").encode("utf-16-le"),
    "UTF-32, JSON": lambda text: json.dumps(text).encode("utf-32"),
    "Latin-1": lambda text: text.encode("latin-1"),
    "upper case": lambda text: text.upper().encode(),
    "Base64 twice": lambda text: b64encode(b64encode(text.encode())),
    "Base64 of JSON": lambda text: b64encode(json.dumps({"key": text}).encode()),
    "Base64 of UTF-16": lambda text: b64encode(text.encode("utf-16")),
    "code points in braces": lambda text: "".join(f"\\u{{{ord(mark):x}}}" for mark in text).encode(),
    "long code points": lambda text: "".join(f"\\U{ord(mark):08x}" for mark in text).encode(),
    "units by percent": lambda text: "".join(f"%u{ord(mark):04x}" for mark in text).encode(),
    "escapes of escapes": lambda text: json.dumps(json.dumps(json.dumps(text))).encode(),
    "broken lines": lambda text: "\\n".join(text).encode(),
}


@pytest.mark.parametrize("spell", FORMS.values(), ids=FORMS)
def test_rare_spellings_are_found(spell: Callable[[str], bytes]) -> None:
    """In another character set or case, in Base64 of anything, and under escapes of any language."""
    assert redact(b"sent: " + spell(SECRET) if spell(SECRET)[0] < 0x80 else spell(SECRET), (SECRET,)) in {
        b"***",
        b"sent: ***",
    }


@pytest.mark.parametrize(
    ("secret", "text"),
    [
        ("test", "The latest contest: wait estimate"),
        ("1234", "order 12345, total 51234"),
        ("key1", "no key 1"),
        ("abcd", "abc def"),
        ("pk_test", "see pk_test_docs"),
        ("dGVz", "no dGVzdA"),
    ],
)
def test_a_short_secret_leaves_other_words_alone(secret: str, text: str) -> None:
    """What another word holds by chance stays readable."""
    assert redact_text(text, (secret,)) == text


@pytest.mark.parametrize("layer", [*LAYERS, "as sent"])
def test_a_short_secret_is_found_as_a_word(layer: str) -> None:
    """A secret of four to seven characters is replaced where it is a whole word, in any of the usual spellings."""
    spelled = LAYERS.get(layer, str)("s3cr/t")
    for text in (spelled, f"key={spelled}&", f'"{spelled}"', f"Bearer {spelled}", f"not {spelled}: no"):
        assert spelled not in redact_text(text, ("s3cr/t",))


@pytest.mark.parametrize("body", [b"\\" * (1 << 17), b"&" * (1 << 17), b"%5c" * 40_000, b"=" * (1 << 17)])
def test_no_body_is_slow_to_search(body: bytes) -> None:
    """The time grows with the length only: a quadratic search would take minutes."""
    assert redact(body, (SECRET, "pk_test_sandbox")) == body[: 1 << 16]

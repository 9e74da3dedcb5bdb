"""Content codings are undone by what the bytes are; nothing else than a decoded body or a clear error comes out."""

import contextlib
import gzip
import zlib
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pocketsflow_async._codings import UndecodableError, codings, pieces

TEXT = b'{"a": "\xc3\xa4", "b": [1, 2, 3]}'
RAW = zlib.compress(TEXT, wbits=-15)


def decoded(body: bytes, coding: str) -> bytes:
    """The whole body."""
    return b"".join(pieces(body, coding))


@pytest.mark.parametrize(
    ("header", "names"),
    [
        ("", []),
        ("identity", []),
        ("gzip", ["gzip"]),
        ("GZIP", ["gzip"]),
        (" x-gzip ,, Identity", ["x-gzip"]),
        ("deflate, gzip", ["gzip", "deflate"]),
        ("gzip,gzip,gzip,gzip,gzip", ["gzip"] * 5),
    ],
)
def test_codings_are_undone_last_first(header, names):
    """Names are compared without case, and identity is no coding."""
    assert codings(header) == names


def test_codings_have_a_bound():
    """A response cannot make the client decode without end."""
    with pytest.raises(UndecodableError, match="6 content codings"):
        codings("gzip," * 6)


@pytest.mark.parametrize("label", ["gzip", "x-gzip", "deflate", "x-deflate", "br", "zstd", "utf-8", "none", "gzip;q=1"])
@pytest.mark.parametrize("body", [TEXT, gzip.compress(TEXT), b"plain", b"null"], ids=["text", "gzip", "plain", "null"])
def test_a_wrong_label_does_not_matter(label, body):
    """Text and gzip are known by their bytes, whatever they are called."""
    assert decoded(body, label) == (TEXT if body.startswith(b"\x1f") else body)


@pytest.mark.parametrize("label", ["gzip", "x-gzip", "deflate", "x-deflate"])
def test_zlib_is_known_by_its_frame(label):
    """What some call gzip and others deflate is decoded under both names."""
    assert decoded(zlib.compress(TEXT), label) == TEXT


def test_deflate_may_come_without_a_frame():
    """As some servers send it."""
    assert decoded(RAW, "deflate") == TEXT


@pytest.mark.parametrize(
    ("body", "label"),
    [
        pytest.param(b"\x8b\x0e\x80" + TEXT + b"\x03", "br", id="brotli"),
        pytest.param(b"\x28\xb5\x2f\xfd\x04\x00", "zstd", id="zstd"),
        pytest.param(b"\x1f\x9d\x90\x61", "compress", id="compress"),
        pytest.param(RAW, "gzip", id="raw deflate as gzip"),
        pytest.param(b"\xff\xff\xff\xff", "deflate", id="noise"),
        pytest.param(gzip.compress(TEXT)[:12] + b"\xff\xff\xff\xff" + gzip.compress(TEXT)[16:], "gzip", id="damaged"),
        pytest.param(gzip.compress(TEXT)[:-8] + b"\x00" * 8, "gzip", id="wrong checksum"),
    ],
)
def test_what_cannot_be_decoded_says_so(body, label):
    """The error names the label."""
    with pytest.raises(UndecodableError, match=f"'{label}'"):
        decoded(body, label)


@pytest.mark.parametrize("end", [3, 10, 15, -8, -1])
@pytest.mark.parametrize("packed", [gzip.compress(TEXT), zlib.compress(TEXT)], ids=["gzip", "zlib"])
def test_a_body_that_is_cut_off_says_so(packed, end):
    """Half a body is not given out as a whole one."""
    with pytest.raises(EOFError):
        decoded(packed[:end], "deflate")


def test_several_members_are_one_body():
    """As the format of gzip has it, wherever one ends; what follows the last one is padding."""
    members = gzip.compress(b"a" * 70_000) + gzip.compress(b"") + gzip.compress(b"b" * 70_000, 0) + gzip.compress(b"c")

    assert decoded(members, "gzip") == b"a" * 70_000 + b"b" * 70_000 + b"c"
    assert decoded(members + b"\0" * 100_000, "gzip") == decoded(members, "gzip")
    assert decoded(zlib.compress(TEXT) + b"more", "deflate") == TEXT


@pytest.mark.parametrize("shift", range(-3, 4))
def test_a_member_may_end_where_a_slice_ends(shift):
    """The bytes that are taken at once are of no matter to the outcome."""
    filled = gzip.compress(bytes(65_536 + shift - 23), 0)
    assert len(filled) == 65_536 + shift

    assert decoded(filled + gzip.compress(TEXT), "gzip").endswith(TEXT)
    assert decoded(filled + b"\x1f", "gzip") == bytes(65_536 + shift - 23)


def test_no_piece_is_large():
    """What is tiny when packed is unpacked as far as it is asked for."""
    bomb = gzip.compress(bytes(50_000_000))

    assert max(map(len, islice(pieces(bomb, "gzip"), 20))) <= 1 << 18


@given(st.binary(max_size=200), st.sampled_from(["gzip", "deflate", "br", "", "x"]))
def test_any_bytes_are_decoded_or_refused(body, label):
    """No other error leaves the decoder."""
    with contextlib.suppress(UndecodableError, EOFError):
        decoded(body, label)


@given(st.binary(max_size=400_000), st.sampled_from([31, 15]), st.integers(0, 9))
def test_what_was_packed_comes_back(body, window, level):
    """Whatever it is, and however well it was packed."""
    assert decoded(zlib.compress(body, level, window), "deflate") == body

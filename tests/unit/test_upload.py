import io
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from pocketsflow_async import InvalidArgumentError, Upload
from pocketsflow_async._generated.pocketsflow_preview.bodies.images import ImageUpload
from pocketsflow_async._upload import Form, Part, chunks


async def pieces() -> AsyncIterator[bytes]:
    yield b"ab"
    yield b"cd"


def part(content) -> Part:
    """The part of a form that holds this content."""
    return Form("images.upload", ImageUpload(file=content)).files[0][1]


async def read(one: Part) -> bytes:
    """All that a part sends."""
    return b"".join([piece async for piece in chunks(one)])


async def test_every_kind_of_content_is_read():
    """Bytes, a file from where it stands, and an async iterable give their bytes; the file stays open."""
    file = io.BytesIO(b"0123456789")
    file.seek(4)

    assert await read(part(b"abc")) == b"abc"
    assert await read(part(file)) == b"456789"
    assert await read(part(pieces())) == b"abcd"
    assert not file.closed


class Pieces:
    """An async iterable that makes a new generator each time, and counts those that ended."""

    def __init__(self, *pieces: object) -> None:
        self.pieces = pieces
        self.ended = 0

    async def __aiter__(self) -> AsyncIterator[object]:
        try:
            for piece in self.pieces:
                yield piece
        finally:
            self.ended += 1


async def test_pieces_may_be_any_kind_of_bytes():
    """Whatever holds bytes is sent as bytes, an empty piece too."""
    assert await read(part(Pieces(bytearray(b"ab"), b"", memoryview(b"cd")))) == b"abcd"


@pytest.mark.parametrize("piece", ["text", 7, None])
async def test_a_piece_that_is_not_bytes_is_named(piece):
    """The error says which part of which operation, and why."""
    with pytest.raises(InvalidArgumentError, match=r"^images\.upload: file could not be read to its end \(TypeError"):
        await read(part(Pieces(b"ab", piece)))


async def test_what_is_not_read_to_its_end_is_closed():
    """A generator in which nobody reads on is closed with its part; a file stays open."""
    source, file = Pieces(b"ab", b"cd"), io.BytesIO(b"abcd")
    for content in (source, file):
        begun = chunks(part(content))
        await anext(begun)
        await begun.aclose()

    assert source.ended == 1
    assert not file.closed


async def test_a_file_closed_meanwhile_is_named():
    """A file that its owner closes too early is the owner's matter."""
    file = io.BytesIO(b"abcd")
    one = part(file)
    file.close()

    with pytest.raises(InvalidArgumentError, match=r"images\.upload: file .*closed file") as caught:
        await read(one)

    assert isinstance(caught.value.__cause__, ValueError)


async def test_a_file_is_read_in_pieces():
    """No piece is larger than 64 KiB, whatever the file's size."""
    sizes = [len(piece) async for piece in chunks(part(io.BytesIO(b"x" * 200_000)))]

    assert sizes == [65536, 65536, 65536, 3392]


def test_a_form_has_the_given_fields():
    """Text and files are parts of their own; what is UNSET is left out."""
    form = Form("images.upload", ImageUpload(file=b"x"))
    named = Form("images.upload", ImageUpload(file=Upload(b"x", "a.png", "image/png"), name="Logo"))

    assert (form.fields, [(name, one.name) for name, one in form.files]) == ([], [("file", "file")])
    assert named.fields == [("name", "Logo")]
    assert [(one.name, one.content_type) for _, one in named.files] == [("a.png", "image/png")]


def test_a_file_is_sent_under_its_own_name():
    """Without a name, the file's own is told, without its folder."""
    with tempfile.NamedTemporaryFile(suffix=".png") as file:
        assert Upload(file).name == Path(file.name).name
    assert Upload(io.BytesIO(b"")).name == "file"


async def test_what_can_be_read_again_goes_back_to_where_it_stood():
    """Bytes and seekable files can be sent a second time, from the same place; a one-shot stream cannot."""
    file = io.BytesIO(b"0123456789")
    file.seek(4)
    form = Form("images.upload", ImageUpload(file=file))
    first = await read(form.files[0][1])

    assert form.replayable
    assert await read(form.files[0][1]) == first == b"456789"
    assert Form("images.upload", ImageUpload(file=b"x")).replayable
    assert not Form("images.upload", ImageUpload(file=pieces())).replayable


@pytest.mark.parametrize("content", ["text", 7, ["a"], {"a": 1}])
def test_a_wrong_kind_of_content_is_refused(content):
    """Text, numbers and lists are no files."""
    with pytest.raises(InvalidArgumentError, match="file must be bytes"):
        Form("images.upload", ImageUpload(file=content))


def test_a_field_that_is_no_text_is_refused():
    """A form's other fields are text."""
    with pytest.raises(InvalidArgumentError, match="name must be text"):
        Form("images.upload", ImageUpload(file=b"x", name=7))

import contextlib
import io
import time
import tracemalloc
import warnings
from collections.abc import AsyncIterator, Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import aiohttp
import aiohttp.web
import attrs
import pytest
from aiohttp.test_utils import TestServer

from pocketsflow_async import (
    BadRequestError,
    InvalidArgumentError,
    NotFoundError,
    Pocketsflow,
    PreviewWarning,
    RetryPolicy,
    Upload,
)
from pocketsflow_async._generated.pocketsflow_preview.resources import Resources
from pocketsflow_async.errors import APIConnectionError, ServerError
from pocketsflow_async.sandbox import Sandbox, UploadedFile
from pocketsflow_async.sandbox._routes import read_spec

PICTURE = bytes(range(256)) * 1000
QUICK = RetryPolicy(attempts=3, base_delay=0.001, max_delay=0.001)
SPEC = read_spec("pocketsflow_preview")
OPERATIONS = sorted(
    f"{described['x-resource']}.{described['x-method']}"
    for item in SPEC["paths"].values()
    for verb, described in item.items()
    if verb != "parameters"
)
quiet = pytest.mark.filterwarnings("ignore::pocketsflow_async.PreviewWarning")

# ---------------------------------------------------------------------------------------------------- every operation


async def product_id(pf: Pocketsflow) -> str:
    """The product with the most orders."""
    return (await pf.products.list()).items[-1].id or ""


async def new_image(pf: Pocketsflow) -> str:
    return (await pf.preview.images.upload(file=b"new")).id or ""


async def new_post(pf: Pocketsflow) -> str:
    return (await pf.preview.posts.create(title="New")).id or ""


async def new_subscriber(pf: Pocketsflow) -> str:
    return (await pf.preview.subscribers.create(email="new@example.com")).id or ""


async def new_link(pf: Pocketsflow) -> str:
    return (await pf.preview.links.create(title="New", url="https://example.com")).id or ""


async def any_payout(pf: Pocketsflow) -> str:
    return (await pf.preview.payouts.list()).items[0].id or ""


async def nothing(_pf: Pocketsflow) -> str:
    return ""


Prepare = Callable[[Pocketsflow], Any]
Call = Callable[[Any, str], Any]

CALLS: dict[str, tuple[Prepare, Call, Callable[[Any], bool]]] = {
    "images.list": (nothing, lambda p, _: p.images.list(), lambda page: len(page.items) == 5),
    "images.upload": (nothing, lambda p, _: p.images.upload(file=b"abc", name="a.png"), lambda image: image.size == 3),
    "images.delete": (new_image, lambda p, i: p.images.delete(i), lambda done: done.message == "Image deleted"),
    "posts.list": (nothing, lambda p, _: p.posts.list(), lambda page: page.items[0].status == "draft"),
    "posts.create": (nothing, lambda p, _: p.posts.create(title="A", text="B"), lambda post: post.status == "draft"),
    "posts.get": (new_post, lambda p, i: p.posts.get(i), lambda post: post.title == "New"),
    "posts.update": (new_post, lambda p, i: p.posts.update(i, html="<p>"), lambda post: post.html == "<p>"),
    "posts.delete": (new_post, lambda p, i: p.posts.delete(i), lambda done: done.message == "Post deleted"),
    "subscribers.list": (nothing, lambda p, _: p.subscribers.list(), lambda page: page.pagination.total_count == 45),
    "subscribers.create": (
        nothing,
        lambda p, _: p.subscribers.create(email="a@example.com", name="A"),
        lambda reader: (reader.email, reader.name) == ("a@example.com", "A"),
    ),
    "subscribers.delete": (
        new_subscriber,
        lambda p, i: p.subscribers.delete(i),
        lambda done: done.message == "Subscriber deleted",
    ),
    "links.list": (nothing, lambda p, _: p.links.list(), lambda page: not page.items[0].active),
    "links.create": (
        nothing,
        lambda p, _: p.links.create(title="A", url="https://example.com/a"),
        lambda link: link.active,
    ),
    "links.update": (new_link, lambda p, i: p.links.update(i, active=False), lambda link: not link.active),
    "links.delete": (new_link, lambda p, i: p.links.delete(i), lambda done: done.message == "Link deleted"),
    "analytics.get": (nothing, lambda p, _: p.analytics.get(), lambda figures: figures.sales == 230),
    "payouts.list": (nothing, lambda p, _: p.payouts.list(), lambda page: page.items[0].status == "pending"),
    "payouts.get": (any_payout, lambda p, i: p.payouts.get(i), lambda payout: payout.amount > 0),
    "product_reviews.list": (
        product_id,
        lambda p, i: p.product_reviews.list(i),
        lambda page: all(review.rating for review in page.items),
    ),
}


def test_every_operation_is_called_here() -> None:
    """No operation of the spec is left out of the table."""
    assert sorted(CALLS) == OPERATIONS
    assert {name.partition(".")[0] for name in CALLS} == {name for name in vars(Resources) if not name.startswith("_")}


@pytest.mark.parametrize("name", CALLS)
async def test_the_first_use_of_an_operation_warns(pf: Pocketsflow, sandbox: Sandbox, name: str) -> None:
    """Every operation works against the sandbox, and says once, of the line that used it, that its path is inferred."""
    prepare, call, right = CALLS[name]
    async with Pocketsflow("pk_test_sandbox", base_url=sandbox.url, rate_limit=None) as other:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", PreviewWarning)
            known = await prepare(other)

    with pytest.warns(PreviewWarning, match=rf"preview\.{name}: the path /\S+ is inferred") as caught:
        answer = await call(pf.preview, known)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with contextlib.suppress(NotFoundError, BadRequestError):  # what is gone, or there already
            await call(pf.preview, known)

    assert [warning.filename for warning in caught] == [__file__]
    assert right(answer)


@quiet
async def test_pages_are_walked(pf: Pocketsflow) -> None:
    """All 45 readers come, in pages."""
    readers = [reader async for reader in pf.preview.subscribers.list(page_size=10)]

    assert len({reader.id for reader in readers}) == 45


@quiet
async def test_figures_are_those_of_the_orders(pf: Pocketsflow) -> None:
    """Sales and revenue of a span are the number and the sum of its orders."""
    orders = await pf.orders.list(start_date="2024-03-01", end_date="2024-06-30", page_size=100).collect()
    figures = await pf.preview.analytics.get(start_date="2024-03-01", end_date="2024-06-30")

    assert 0 < len(orders) < 230
    assert (figures.sales, figures.revenue) == (len(orders), sum(order.gross_amount or 0 for order in orders))


@quiet
async def test_public_reviews_need_no_key_and_show_no_address(sandbox: Sandbox, pf: Pocketsflow) -> None:
    """They are the product's own reviews, without who wrote them; a product that is not there has none."""
    product = await product_id(pf)
    known = [review.id async for review in pf.reviews.list(product_id=product)]
    async with Pocketsflow("pk_test_other", base_url=sandbox.url, rate_limit=None) as stranger:
        shown = (await stranger.preview.product_reviews.list(product)).items
        with pytest.raises(NotFoundError, match="Product not found"):
            await stranger.preview.product_reviews.list("0" * 24)

    assert known
    assert [review.id for review in shown] == known
    assert "example.com" not in repr(shown)


@quiet
async def test_a_newsletter_becomes_a_post(pf: Pocketsflow) -> None:
    """What was sent can be read as a post."""
    sent = await pf.newsletters.send(to="a@example.com", subject="Hello", text="World")
    post = await pf.preview.posts.get(sent.id or "")

    assert (post.title, post.text, post.status) == ("Hello", "World", "sent")


@quiet
async def test_a_404_says_that_the_path_is_inferred() -> None:
    """Where the API does not have the path, the error names the likely cause; so do pages."""
    async with (
        Sandbox(orders=1, preview=False) as sandbox,
        Pocketsflow("pk_test_sandbox", base_url=sandbox.url) as pf,
    ):
        with pytest.raises(NotFoundError, match=r"no such route \(the path /analytics is inferred") as caught:
            await pf.preview.analytics.get()
        with pytest.raises(NotFoundError, match="the path /payouts is inferred"):
            await pf.preview.payouts.list().collect()
        with pytest.raises(NotFoundError, match="the path /images is inferred"):
            await pf.preview.images.upload(file=PICTURE)
        with pytest.raises(NotFoundError) as known:
            await pf.orders.get("1")

    assert (caught.value.status, caught.value.code) == (404, "NOT_FOUND")
    assert len(caught.value.attempts) == 1
    assert caught.value.request_id
    assert "inferred" not in str(known.value)


# ------------------------------------------------------------------------------------------------------------ uploads


def came(content: bytes, filename: str = "file", content_type: str = "application/octet-stream") -> UploadedFile:
    """What the sandbox says of a file that arrived whole."""
    return UploadedFile("file", filename, content_type, len(content), sha256(content).hexdigest())


async def pieces(content: bytes, size: int = 1000) -> AsyncIterator[bytes]:
    for start in range(0, len(content), size):
        yield content[start : start + size]


@quiet
async def test_bytes_are_uploaded(pf: Pocketsflow, sandbox: Sandbox) -> None:
    """The server gets what was given, be it nothing; the name of the form is the image's name."""
    image = await pf.preview.images.upload(file=PICTURE, name="cover.png")
    empty = await pf.preview.images.upload(file=b"")

    assert sandbox.uploads == [came(PICTURE), came(b"")]
    assert (image.name, image.size) == ("cover.png", len(PICTURE))
    assert (empty.name, empty.size) == ("file", 0)
    assert image.created_at
    assert image.url


@quiet
async def test_a_file_is_read_from_where_it_stands_and_left_open(
    pf: Pocketsflow, sandbox: Sandbox, tmp_path: Path
) -> None:
    """Its own name is sent; what was read before is not."""
    path = tmp_path / "cover.png"
    path.write_bytes(PICTURE)
    with path.open("rb") as file:
        file.seek(100)
        await pf.preview.images.upload(file=file)

        assert not file.closed
    memory = io.BytesIO(PICTURE)
    memory.seek(7)
    await pf.preview.images.upload(file=memory)

    assert sandbox.uploads == [came(PICTURE[100:], "cover.png"), came(PICTURE[7:])]
    assert not memory.closed


@quiet
async def test_a_generator_is_uploaded(pf: Pocketsflow, sandbox: Sandbox) -> None:
    """Pieces of any size, empty ones too, arrive as one file."""

    async def odd() -> AsyncIterator[bytes]:
        for piece in (b"", b"a", b"", b"bc" * 100_000, b"d"):
            yield piece

    await pf.preview.images.upload(file=odd())

    assert sandbox.uploads == [came(b"a" + b"bc" * 100_000 + b"d")]


@quiet
@pytest.mark.parametrize(
    "name", ["cover.png", "a b;c.png", 'say "cheese".png', "Café 日本.png", "100%.png", "a\\b.png"]
)
async def test_an_upload_has_a_name_and_a_type(pf: Pocketsflow, sandbox: Sandbox, name: str) -> None:
    """Both arrive as given, whatever letters are in the name."""
    image = await pf.preview.images.upload(file=Upload(PICTURE, name, "image/png"))
    await pf.preview.images.upload(file=Upload(pieces(PICTURE), content_type="image/gif"))
    await pf.preview.images.upload(file=Upload(io.BytesIO(PICTURE), filename=name))

    assert sandbox.uploads == [
        came(PICTURE, name, "image/png"),
        came(PICTURE, content_type="image/gif"),
        came(PICTURE, name),
    ]
    assert image.name == name


@quiet
async def test_a_large_upload_is_never_held_whole(pf: Pocketsflow, sandbox: Sandbox) -> None:
    """64 MB pass through the client, and the sandbox, in a few."""
    block = bytes(64 * 1024)

    async def blocks() -> AsyncIterator[bytes]:
        for number in range(1024):
            yield number.to_bytes(4, "big") + block[4:]

    await pf.preview.images.upload(file=b"what is loaded at first use is not counted")
    tracemalloc.start()
    try:
        image = await pf.preview.images.upload(file=blocks())
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert image.size == sandbox.uploads[-1].size == 64 * 1024 * 1024
    assert peak < 4 * 1024 * 1024


# ------------------------------------------------------------------------------------------------------------ retries


@attrs.define
class Watched:
    """A client with quick retries, and the Idempotency-Keys that it sent."""

    pf: Pocketsflow
    keys: list[str | None]


@pytest.fixture
async def watched(sandbox: Sandbox) -> AsyncIterator[Watched]:
    keys: list[str | None] = []
    trace = aiohttp.TraceConfig()

    async def note(_session: Any, _context: Any, sent: aiohttp.TraceRequestHeadersSentParams) -> None:
        keys.append(sent.headers.get("Idempotency-Key"))

    trace.on_request_headers_sent.append(note)
    async with (
        aiohttp.ClientSession(trace_configs=[trace]) as session,
        Pocketsflow("pk_test_sandbox", base_url=sandbox.url, session=session, retry=QUICK, rate_limit=None) as pf,
    ):
        yield Watched(pf, keys)


@quiet
async def test_a_file_is_sent_again_from_where_it_began(watched: Watched, sandbox: Sandbox) -> None:
    """After 503 the same bytes go out under the same key; what was done twice is done once."""
    file = io.BytesIO(PICTURE)
    file.seek(11)
    sandbox.faults.add("status", status=503, path="/images", times=2)
    image = await watched.pf.preview.images.upload(file=file)

    assert sandbox.uploads == [came(PICTURE[11:])] * 3
    assert image.size == len(PICTURE) - 11
    assert len(watched.keys) == 3
    assert len(set(watched.keys)) == 1
    assert watched.keys[0]
    assert sandbox.work["POST", "/images"] == 1


@quiet
async def test_an_upload_whose_answer_was_lost_is_not_done_twice(watched: Watched, sandbox: Sandbox) -> None:
    """The server knows the second form for the first one, though what stands between its parts is another."""
    sandbox.faults.add("reset_after", path="/images", times=1)
    image = await watched.pf.preview.images.upload(file=PICTURE, name="a.png")
    images = (await watched.pf.preview.images.list()).items

    assert sandbox.uploads == [came(PICTURE)] * 2
    assert sandbox.work["POST", "/images"] == 1
    assert [one.id for one in images if one.size == len(PICTURE)] == [image.id]


@quiet
@pytest.mark.parametrize(
    ("fault", "error"),
    [({"kind": "status", "status": 503}, ServerError), ({"kind": "reset_before"}, APIConnectionError)],
)
async def test_a_generator_is_not_sent_again(
    watched: Watched, sandbox: Sandbox, fault: dict[str, Any], error: type[Exception]
) -> None:
    """What can be read only once is tried only once."""
    sandbox.faults.add(**fault, path="/images", times=1)

    with pytest.raises(error) as caught:
        await watched.pf.preview.images.upload(file=pieces(PICTURE))

    assert len(watched.keys) == len(getattr(caught.value, "attempts", ())) == 1
    assert sandbox.work["POST", "/images"] == 0


class Slow(io.BytesIO):
    """A file on a disk that is slow."""

    def read(self, size: int | None = -1) -> bytes:
        time.sleep(0.02)
        return super().read(size)


@quiet
async def test_a_try_that_is_broken_off_does_not_move_the_file() -> None:
    """A refusal that comes while the file is still read leaves all of it to the next try."""
    got: list[str] = []

    async def answer(request: aiohttp.web.Request) -> aiohttp.web.Response:
        got.append("" if len(got) < 2 else sha256((await request.post())["file"].file.read()).hexdigest())  # type: ignore[union-attr]
        return aiohttp.web.json_response({}, status=200 if got[-1] else 503)

    app = aiohttp.web.Application(client_max_size=2 * len(PICTURE))
    app.router.add_post("/images", answer)
    async with TestServer(app) as server, Pocketsflow("pk_test", base_url=str(server.make_url("")), retry=QUICK) as pf:
        await pf.preview.images.upload(file=Slow(PICTURE))

    assert got == ["", "", sha256(PICTURE).hexdigest()]


# ------------------------------------------------------------------------------------------------------ wrong content


def closed_file() -> io.BytesIO:
    file = io.BytesIO(b"abc")
    file.close()
    return file


WRONG = {
    "a text": "abc",
    "a path": Path("cover.png"),
    "a number": 5,
    "a list": [b"abc"],
    "a file of text": io.StringIO("abc"),
    "a closed file": closed_file(),
    "an upload of text": Upload("abc"),  # type: ignore[arg-type]
    "a name that is none": Upload(b"abc", filename=5),  # type: ignore[arg-type]
    "a name of two lines": Upload(b"abc", filename="a\r\nX-Evil: 1"),
    "a name that cannot be written": Upload(b"abc", filename="\ud800"),
    "a type that is none": Upload(b"abc", content_type="picture"),
    "a type of two lines": Upload(b"abc", content_type="image/png\r\nX-Evil: 1"),
}


@quiet
@pytest.mark.parametrize("wrong", WRONG)
async def test_what_cannot_be_uploaded_is_told_before_anything_is_sent(
    pf: Pocketsflow, sandbox: Sandbox, wrong: str
) -> None:
    """The error names the operation and the argument, and no request is made."""
    with pytest.raises(InvalidArgumentError, match=r"images\.upload: file"):
        await pf.preview.images.upload(file=WRONG[wrong])  # type: ignore[arg-type]

    assert sandbox.received == 0


@quiet
async def test_a_name_that_is_no_text_is_told(pf: Pocketsflow, sandbox: Sandbox) -> None:
    """Other fields of the form are texts."""
    with pytest.raises(InvalidArgumentError, match=r"images\.upload: name"):
        await pf.preview.images.upload(file=b"abc", name=5)  # type: ignore[arg-type]

    assert sandbox.received == 0


@quiet
async def test_an_error_of_a_generator_ends_the_call(pf: Pocketsflow, sandbox: Sandbox) -> None:
    """What goes wrong while the content is read is told, and half a file makes no image."""

    async def failing() -> AsyncIterator[bytes]:
        yield PICTURE
        raise OSError("the disk is gone")

    with pytest.raises(InvalidArgumentError, match="the disk is gone"):
        await pf.preview.images.upload(file=failing())

    assert sandbox.work["POST", "/images"] == 0
    assert sandbox.uploads == []

import io
from hashlib import sha256

import aiohttp
import msgspec
import pytest
from jsonschema import Draft202012Validator

from pocketsflow_async.errors import InvalidArgumentError
from pocketsflow_async.sandbox import Sandbox, UploadedFile
from pocketsflow_async.sandbox._routes import Routes, read_spec
from pocketsflow_async.sandbox._store import Store

SPEC = read_spec("pocketsflow_preview")
MAIN = read_spec()
LISTS = {
    "/images": None,
    "/posts": None,
    "/newsletters/subscribers": "subscribers",
    "/links": None,
    "/payouts": "payouts",
}
DIGEST = "2fe816678af5164c"
EDGE = "--edge"


def records_of(body):
    return body if isinstance(body, list) else next(value for value in body.values() if isinstance(value, list))


def part(name, content, filename=None):
    file = "" if filename is None else f'; filename="{filename}"'
    return f'{EDGE}\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n'.encode() + content + b"\r\n"


def form(*parts):
    return {
        "data": b"".join(parts) + f"{EDGE}--\r\n".encode(),
        "headers": {"Content-Type": "multipart/form-data; boundary=edge"},
    }


def fits(path, verb, answer):
    described = SPEC["paths"][path][verb]["responses"][str(answer.status)]["content"]["application/json"]["schema"]
    Draft202012Validator({**described, "components": SPEC["components"]}).validate(without_null(answer.body))


def without_null(value):
    if isinstance(value, dict):
        return {name: without_null(item) for name, item in value.items() if item is not None}
    return [without_null(item) for item in value] if isinstance(value, list) else value


# ------------------------------------------------------------------------------------------------------------- routes


def test_both_specs_are_served_and_neither_hides_the_other():
    """Every path of both is found, as itself."""
    routes = Routes(MAIN, SPEC)
    both = MAIN["paths"].keys() | SPEC["paths"].keys()

    assert not MAIN["paths"].keys() & SPEC["paths"].keys()
    assert {operation.template for operation in routes.operations} == both
    for template in both:
        assert routes.find(template.replace("{", "").replace("}", "")).template == template


async def test_the_documents_are_of_the_known_api(ask):
    """What is inferred is not shown as if it were known."""
    assert (await ask("GET", "/docs.json")).body["paths"].keys() == MAIN["paths"].keys()


async def test_the_preview_can_be_left_out(asking):
    """Without it the paths are unknown, and no fault can be set for them."""
    async with Sandbox(orders=1, preview=False) as sandbox:
        answer = await asking(sandbox)("GET", "/images")
        assert (answer.status, answer.body["code"]) == (404, "NOT_FOUND")
        with pytest.raises(InvalidArgumentError, match="path: must be a route"):
            sandbox.faults.add("reset_before", path="/images")


# --------------------------------------------------------------------------------------------------------------- data


@pytest.mark.parametrize("path", [*LISTS, "/analytics"])
async def test_every_listing_has_something_that_fits_the_spec(ask, path):
    """There are records to try with, in the style of the listing, and they need the key."""
    answer = await ask("GET", path)

    assert (await ask("GET", path, key=None)).status == 401
    assert answer.status == 200
    fits(path, "get", answer)
    if path in LISTS:
        assert records_of(answer.body)
        assert ("pagination" in answer.body) == (LISTS[path] is not None)


def test_the_data_at_the_start_is_written_down():
    """The seed alone decides."""
    store = Store(50, 11)
    records = [store.table(name).newest_first() for name in ("images", "posts", "subscribers", "links", "payouts")]

    assert sha256(msgspec.json.encode(records)).hexdigest()[:16] == DIGEST


async def test_readers_are_added_once(ask):
    """A new reader is on the first page; an address in any case, or what is none, is refused."""
    made = await ask("POST", "/newsletters/subscribers", json={"email": "New@example.com"})
    page = (await ask("GET", "/newsletters/subscribers", params={"pageSize": 7, "page": 1})).body
    again = await ask("POST", "/newsletters/subscribers", json={"email": "new@EXAMPLE.com"})
    none = await ask("POST", "/newsletters/subscribers", json={"email": "new"})
    empty = await ask("POST", "/newsletters/subscribers")

    fits("/newsletters/subscribers", "post", made)
    assert page["subscribers"][0] == made.body
    assert (page["pagination"]["totalCount"], page["pagination"]["totalPages"]) == (46, 7)
    assert [again.body["code"], none.body["field"], empty.body["field"]] == ["ALREADY_SUBSCRIBED", "email", "body"]


@pytest.mark.parametrize(
    ("path", "made", "change", "wrong"),
    [
        ("/posts", {"title": "A", "text": "B"}, {"html": "<p>"}, [{"title": " "}, {"title": 5}]),
        (
            "/links",
            {"title": "A", "url": "https://example.com"},
            {"active": False},
            [{"title": ""}, {"url": "example"}, {"active": "no"}],
        ),
    ],
)
async def test_posts_and_links_live_their_lives(ask, path, made, change, wrong):
    """Made, changed, listed, deleted; what is wrong is refused and changes nothing."""
    record = await ask("POST", path, json=made)
    place = f"{path}/{record.body['_id']}"
    changed = await ask("POST", place, json=change)
    for each in wrong:
        assert (await ask("POST", path, json=made | each)).body["field"] == next(iter(each))
        assert (await ask("POST", place, json=each)).body["field"] == next(iter(each))
    listed = (await ask("GET", path)).body
    gone = [(await ask(verb, place, json={})).status for verb in ("DELETE", "DELETE", "POST")]

    fits(path, "post", record)
    assert listed[0]["_id"] == record.body["_id"]
    assert {**listed[0], "updatedAt": 0} == {**record.body, **change, "updatedAt": 0} | {
        name: value for name, value in changed.body.items() if name != "updatedAt"
    }
    assert gone == [200, 404, 404]


async def test_a_newsletter_becomes_a_post(ask):
    """What was sent can be read, and is no draft."""
    sent = await ask("POST", "/newsletters/send", json={"to": "a@example.com", "subject": "Hi", "html": "<p>"})
    post = await ask("GET", f"/posts/{sent.body['id']}")

    fits("/posts/{id}", "get", post)
    assert (post.body["title"], post.body["html"], post.body["status"]) == ("Hi", "<p>", "sent")


async def test_figures_are_derived_from_the_orders(ask):
    """A span counts its own orders, later ones too; an empty span is zero; a bad one is refused."""
    span = {"startDate": "2024-02-01", "endDate": "2024-08-31"}
    orders = (await ask("GET", "/orders", params={**span, "pageSize": 100})).body
    figures = (await ask("GET", "/analytics", params=span)).body
    never = (await ask("GET", "/analytics", params={"startDate": "2030-01-01"})).body
    backwards = (await ask("GET", "/analytics", params={"startDate": "2025-01-01", "endDate": "2024-01-01"})).body

    assert orders["pagination"]["totalPages"] == 1
    assert figures["sales"] == orders["pagination"]["totalCount"]
    assert round(figures["revenue"] * 100) == sum(round(order["grossAmount"] * 100) for order in orders["orders"])
    assert figures["visits"] > figures["sales"]
    assert (never["sales"], never["revenue"], backwards["sales"]) == (0, 0, 0)
    assert (await ask("GET", "/analytics", params={"endDate": "soon"})).body["field"] == "endDate"


async def test_reviews_of_a_product_are_public(ask):
    """They need no key, are the product's own and do not show who wrote them."""
    reviews = (await ask("GET", "/reviews")).body
    product = reviews[0]["productId"]
    answer = await ask("GET", f"/products/{product}/reviews", key=None)
    none = await ask("GET", "/products/nothing/reviews", key=None)

    fits("/products/{productId}/reviews", "get", answer)
    assert [one["_id"] for one in answer.body] == [one["_id"] for one in reviews if one["productId"] == product]
    assert not any("buyerEmail" in one or "userId" in one for one in answer.body)
    assert (none.status, none.body["error"]) == (404, "Product not found")


# ------------------------------------------------------------------------------------------------------------ uploads


async def test_an_upload_becomes_an_image(sandbox, ask):
    """The image is named as the form says, else as the file; unknown fields are ignored."""
    named = await ask(
        "POST", "/images", **form(part("name", b"B.png"), part("file", b"12345", "a.png"), part("x", b"y"))
    )
    plain = await ask("POST", "/images", **form(part("file", b"\r\n--edg", "a.png")))
    listed = (await ask("GET", "/images")).body
    gone = await ask("DELETE", f"/images/{plain.body['_id']}")

    fits("/images", "post", named)
    assert (named.body["name"], named.body["size"]) == ("B.png", 5)
    assert (plain.body["name"], plain.body["size"]) == ("a.png", 7)
    assert listed[:2] == [plain.body, named.body]
    assert gone.body == {"message": "Image deleted"}
    assert sandbox.uploads == [
        UploadedFile("file", "a.png", "", 5, sha256(b"12345").hexdigest()),
        UploadedFile("file", "a.png", "", 7, sha256(b"\r\n--edg").hexdigest()),
    ]


async def test_an_upload_may_be_large(sandbox, ask):
    """50 MB are taken, though no other body may be that large."""
    size = 50 * 1024 * 1024
    with aiohttp.MultipartWriter("form-data") as writer:
        writer.append(io.BytesIO(bytes(size))).set_content_disposition("form-data", name="file", filename="a.png")
        answer = await ask("POST", "/images", data=writer)

    assert (answer.status, answer.body["size"]) == (200, size)
    assert sandbox.uploads[0].sha256 == sha256(bytes(size)).hexdigest()


CUT = form(part("file", b"12345", "a.png"))
BROKEN = {
    "json": ({"json": {"file": {"filename": "a"}}}, "INVALID_PARAMETER"),
    "nothing": ({}, "INVALID_PARAMETER"),
    "no boundary": ({**CUT, "headers": {"Content-Type": "multipart/form-data"}}, "INVALID_BODY"),
    "an endless boundary": (
        {**CUT, "headers": {"Content-Type": f"multipart/form-data; boundary={'a' * 90}"}},
        "INVALID_BODY",
    ),
    "another boundary": ({**CUT, "headers": {"Content-Type": "multipart/form-data; boundary=other"}}, "INVALID_BODY"),
    "no end": ({**CUT, "data": CUT["data"][:-10]}, "INVALID_BODY"),
    "no headers": ({**CUT, "data": b"--edge\r\n"}, "INVALID_BODY"),
    "no parts": (form(), "INVALID_PARAMETER"),
    "no file": (form(part("name", b"a.png")), "INVALID_PARAMETER"),
    "a text for a file": (form(part("file", b"abc")), "INVALID_PARAMETER"),
    "a file for a text": (form(part("file", b"a", "a"), part("name", b"a", "a")), "INVALID_PARAMETER"),
    "two files": (form(part("file", b"a", "a"), part("file", b"b", "b")), "INVALID_PARAMETER"),
    "a text of other bytes": (form(part("name", b"\xff"), part("file", b"a", "a")), "INVALID_BODY"),
    "a long text": (form(part("name", b"a" * 70_000), part("file", b"a", "a")), "INVALID_PARAMETER"),
    "many parts": (form(*(part(f"a{number}", b"") for number in range(101))), "INVALID_PARAMETER"),
    "a form in a form": (
        form(b"--edge\r\nContent-Type: multipart/mixed; boundary=in\r\n\r\n--in\r\n\r\na\r\n--in--\r\n"),
        "INVALID_PARAMETER",
    ),
    "a broken encoding": (
        {**CUT, "headers": {**CUT["headers"], "Content-Encoding": "gzip"}},
        "INVALID_BODY",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
async def test_what_is_no_good_form_is_refused(sandbox, ask, case, caplog):
    """It is a 400 in JSON and never a crash, and makes no image."""
    options, code = BROKEN[case]

    answer = await ask("POST", "/images", **options)

    assert (answer.status, answer.body["code"]) == (400, code)
    assert sandbox.work["POST", "/images"] == 0
    assert not [record for record in caplog.records if record.name == "pocketsflow_async.sandbox"]


async def test_a_file_that_is_missed_is_told_by_name(ask):
    """The message names the part of the form, and what it must be."""
    missing = await ask("POST", "/images", **form(part("name", b"a.png")))
    text = await ask("POST", "/images", **form(part("file", b"abc")))

    assert missing.body["error"] == "file: is required"
    assert text.body["error"] == "file: must be a file"


async def test_an_upload_is_known_again_by_its_parts(sandbox, ask):
    """The same parts between other boundaries are the same request; another file is another."""
    headers = {"Idempotency-Key": "one"}

    async def upload(content, edge):
        sent = form(part("file", content, "a.png"))
        return await ask(
            "POST",
            "/images",
            data=sent["data"].replace(b"--edge", b"--" + edge),
            headers={"Content-Type": f"multipart/form-data; boundary={edge.decode()}", **headers},
        )

    first = await upload(b"abc", b"edge")
    second = await upload(b"abc", b"other")
    third = await upload(b"abd", b"edge")

    assert first.body == second.body
    assert second.headers["Idempotent-Replayed"] == "true"
    assert (third.status, third.body["code"]) == (409, "IDEMPOTENCY_CONFLICT")
    assert sandbox.work["POST", "/images"] == 1
    assert len(sandbox.uploads) == 3

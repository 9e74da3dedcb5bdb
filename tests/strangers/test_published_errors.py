"""Error bodies and statuses as the vendor's pages, its Node SDK and working client code show them."""

from collections.abc import AsyncIterator, Callable
from decimal import Decimal
from typing import Any

import aiohttp.web
import pytest

from pocketsflow_async import Pocketsflow, RetryPolicy
from pocketsflow_async._response import Response, error_from
from pocketsflow_async.errors import (
    APIStatusError,
    AuthenticationError,
    BadRequestError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
    ServerError,
)

A = "65f0c0ffee00000000000001"

# ------------------------------------------------------------------------------------------------------------ errors


@pytest.mark.parametrize(
    ("body", "message", "code"),
    [
        ('{"error": "Product not found"}', "Product not found", None),
        ('{"message": "Product not found"}', "Product not found", None),
        ('{"error": "Not Found", "message": "No such product"}', "No such product", None),
        ('{"error": "Product not found", "code": "NOPE"}', "Product not found", "NOPE"),
        ('{"message": "Product not found", "code": 17}', "Product not found", "17"),
        ('{"error": {"message": "Product not found", "code": "NOPE"}}', "Product not found", "NOPE"),
        ('{"message": ["name is required", "price is required"]}', '["name is required", "price is required"]', None),
        ("Product not found", "Product not found", None),
        ("", "products.get was answered with status 404", None),
        ("{}", "products.get was answered with status 404", None),
    ],
)
def test_error_bodies_in_every_spelling(body: str, message: str, code: str | None) -> None:
    """The message stands under `message` or `error`, the first of them wins, and nothing has to be text or JSON."""
    error = error_from(Response(404, {"Content-Type": "application/json"}, body.encode()), "products.get")

    assert type(error) is NotFoundError
    assert (error.message, error.code) == (message, code)


def test_an_unverified_sender_may_not_send() -> None:
    """The one published code comes with 403."""
    body = b'{"error": "Verify your sender address first", "code": "EMAIL_SENDER_NOT_VERIFIED"}'
    error = error_from(Response(403, {}, body), "newsletters.send")

    assert type(error) is PermissionDeniedError
    assert error.code == "EMAIL_SENDER_NOT_VERIFIED"


# ---------------------------------------------------------------------------------------------------------- statuses


@pytest.fixture
async def answering() -> AsyncIterator[Callable[[int, Any], Any]]:
    """Makes a client whose server gives one answer to everything."""
    said: list[Any] = []

    async def answer(_: aiohttp.web.Request) -> aiohttp.web.Response:
        status, body = said[-1]
        return aiohttp.web.json_response(body, status=status)

    app = aiohttp.web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = aiohttp.web.AppRunner(app)
    await runner.setup()
    await aiohttp.web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    async with Pocketsflow("pk_test_x", base_url=url, retry=RetryPolicy(attempts=1)) as pf:

        def make(status: int, body: Any) -> Pocketsflow:
            said.append((status, body))
            return pf

        yield make
    await runner.cleanup()


@pytest.mark.parametrize("status", [200, 201])
async def test_created_is_200_or_201(answering: Callable[[int, Any], Pocketsflow], status: int) -> None:
    """No page says which of the two a new product or checkout session answers: either is a success."""
    pf = answering(status, {"_id": A, "name": "Course", "price": 29.99})
    product = await pf.products.create(name="Course", price=Decimal("29.99"))
    pf = answering(status, {"id": "cs_1", "url": "https://store.pocketsflow.com/checkout/cs_1"})
    session = await pf.checkout.create(product_id=product.id)

    assert (product.id, session.id) == (A, "cs_1")


PUBLISHED = [
    (400, BadRequestError),
    (401, AuthenticationError),
    (403, PermissionDeniedError),
    (404, NotFoundError),
    (429, RateLimitError),
    (500, ServerError),
]


@pytest.mark.parametrize(("status", "cls"), PUBLISHED)
async def test_an_error_status_is_raised(
    answering: Callable[[int, Any], Pocketsflow], status: int, cls: type[APIStatusError]
) -> None:
    """The published error statuses are raised, with the server's words."""
    with pytest.raises(cls) as caught:
        await answering(status, {"error": "No"}).users.me()

    assert (caught.value.status, caught.value.message) == (status, "No")

"""The official Node SDK, unchanged, uses the sandbox as if it were the real thing."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp.web
import attrs
import pytest
import pytest_asyncio

from pocketsflow_async import NotFoundError, Pocketsflow, webhooks
from pocketsflow_async.sandbox import RateLimit, Sandbox

KEY = "pk_test_sandbox"
HERE = Path(__file__).parent

pytestmark = pytest.mark.timeout(300)  # npm may have to install first
in_the_same_loop = pytest.mark.asyncio(loop_scope="module")

# ------------------------------------------------------------------------------------------------- the run, once


@attrs.frozen
class Run:
    """What the driver printed, what its webhook was told, and the client that looks at the same sandbox."""

    methods: list[str]
    steps: list[dict[str, Any]]
    told: list[tuple[dict[str, str], bytes]]
    pf: Pocketsflow

    def __getitem__(self, label: str) -> Any:
        """The result of a step that worked."""
        step = next(step for step in self.steps if step["label"] == label)
        assert "error" not in step, f"{label}: {step['error']}"
        return step["result"]

    def error(self, label: str) -> tuple[int | None, str | None, str]:
        """Status, code and message of a step that the SDK raised its own error for."""
        error = next(step for step in self.steps if step["label"] == label)["error"]
        assert error["official"]
        return error.get("status"), error.get("code"), error["message"]


async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Read until the other side gives up."""
    await reader.read()
    writer.close()


@asynccontextmanager
async def listening(told: list[tuple[dict[str, str], bytes]]) -> AsyncIterator[str]:
    """An address that takes webhook deliveries down."""

    async def take(request: aiohttp.web.Request) -> aiohttp.web.Response:
        told.append((dict(request.headers), await request.read()))
        return aiohttp.web.Response()

    app = aiohttp.web.Application()
    app.router.add_post("/hooks", take)
    runner = aiohttp.web.AppRunner(app)
    await runner.setup()
    await aiohttp.web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/hooks"
    await runner.cleanup()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def run(node: str, node_modules: Path) -> AsyncIterator[Run]:
    """The driver's whole way through a sandbox of 230 orders, which stays open."""
    silent = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    address = f"http://127.0.0.1:{silent.sockets[0].getsockname()[1]}"
    hurried = Sandbox(orders=1, rate_limit=RateLimit(1, 1))
    told: list[tuple[dict[str, str], bytes]] = []
    sandbox = Sandbox(orders=230, seed=3, rate_limit=None)
    async with silent, listening(told) as hook, sandbox, hurried:
        process = await asyncio.create_subprocess_exec(
            node, str(HERE / "drive.mjs"), sandbox.url, KEY, hook, hurried.url, address, stdout=-1, stderr=-1
        )
        out, err = await process.communicate()
        await sandbox.delivered()
        first, *steps = map(json.loads, out.decode().splitlines())
        if process.returncode != 0:
            failed = [f"{step['label']}: {step['error']}" for step in steps if "error" in step]
            pytest.fail("\n".join(["the driver broke off; steps that failed:", *failed, err.decode()]), pytrace=False)
        async with Pocketsflow(KEY, base_url=sandbox.url, rate_limit=None) as pf:
            yield Run(first["methods"], steps, told, pf)


# -------------------------------------------------------------------------------------------- what the SDK promises

DECLARATIONS = """\
import type { Pocketsflow } from "pocketsflow";

// What T promises, and whatever else there is. A field that may be absent may be null: the sandbox has both.
type Open<T> = T extends (infer I)[] ? Open<I>[] : T extends object ? { [K in keyof T]: Field<T[K]> } & More : T;
type Field<F> = undefined extends F ? Open<F> | null : Open<F>;
type More = { [name: string]: any };
"""

SECRET = "Property 'secret' is missing"
DEVIATIONS = {
    # The SDK's type has the secret on every webhook; the documentation says that it is shown at creation only.
    ("webhooks.list", SECRET),
    ("webhooks.get", SECRET),
    ("webhooks.update", SECRET),
}


async def compiled(node: str, node_modules: Path, folder: Path, **files: str) -> str:
    """What the TypeScript compiler has to say of these files and of the driver."""
    options = {
        "strict": True,
        "noEmit": True,
        "allowJs": True,
        "checkJs": True,
        "target": "es2022",
        "module": "es2022",
        "moduleResolution": "bundler",
        "lib": ["es2023", "dom"],
        "types": [],
        "paths": {"pocketsflow": [str(node_modules / "pocketsflow" / "dist" / "index.d.ts")]},
    }
    for name, text in files.items():
        (folder / f"{name}.ts").write_text(text)
    config = {"compilerOptions": options, "files": [*(f"{name}.ts" for name in files), str(HERE / "drive.mjs")]}
    (folder / "tsconfig.json").write_text(json.dumps(config))
    tsc = node_modules / "typescript" / "bin" / "tsc"
    process = await asyncio.create_subprocess_exec(
        node, str(tsc), "--pretty", "false", cwd=folder, stdout=-1, stderr=-1
    )
    out, err = await process.communicate()
    return (out + err).decode()


def test_every_method_is_called(run: Run) -> None:
    """All 41 methods that the SDK turns out to have are called, and each of them succeeds at least once."""
    succeeded = {name for step in run.steps if "result" in step for name in step["called"]}

    assert len(run.methods) == 41
    assert succeeded == set(run.methods)


@in_the_same_loop
async def test_answers_have_the_types_that_the_sdk_promises(
    run: Run, node: str, node_modules: Path, tmp_path: Path
) -> None:
    """The SDK's own declarations accept every answer of the sandbox, and the driver; judged by the compiler."""
    answers = [(step["called"][0], step["result"]) for step in run.steps if "result" in step and step["called"]]
    checks = []
    for number, (name, result) in enumerate(answers):
        resource, method = name.split(".")
        promise = f'Open<Awaited<ReturnType<Pocketsflow["{resource}"]["{method}"]>>>'
        checks.append(f"export const answer{number}: {promise} = {json.dumps(result)};")

    told = await compiled(node, node_modules, tmp_path, answers="\n".join([DECLARATIONS, *checks]))

    found = set()
    before = len(DECLARATIONS.splitlines()) + 2
    for problem in re.split(r"\n(?! )", told.strip()):
        match = re.match(r"answers\.ts\((\d+),\d+\)", problem)
        name = answers[int(match[1]) - before][0] if match else "the driver"
        found.add((name, SECRET if SECRET in problem else problem))
    assert found == DEVIATIONS


# ----------------------------------------------------------------------------------------------------------- reading


def test_listings_are_paged_and_filtered(run: Run) -> None:
    """Pages, spans, products, sort orders and addresses narrow a listing down for the SDK as they should."""
    everything, page = run["orders"], run["orders, page 2 of 7"]
    product = everything["orders"][0]["productId"]
    sixth = everything["orders"][5]
    span = run["orders of a span"]["orders"]
    sorted_addresses = [row["buyerEmail"] for row in run["customers, sorted"]]

    assert len(everything["orders"]) == 20
    assert everything["pagination"] == {
        "totalCount": 230,
        "totalPages": 12,
        "currentPage": 1,
        "pageSize": 20,
        "hasMore": True,
    }
    assert page["orders"] == everything["orders"][7:14]
    assert (page["pagination"]["currentPage"], page["pagination"]["pageSize"]) == (2, 7)
    assert {row["productId"] for row in run["orders of a product"]["orders"]} == {product}
    assert span[0] == sixth
    assert {row["createdAt"][:10] for row in span} == {sixth["createdAt"][:10]}
    assert run["order"]["_id"] == everything["orders"][0]["_id"]
    assert run["customers, 3 from 2"] == run["customers"][2:5]
    assert sorted_addresses == sorted(sorted_addresses, reverse=True)
    assert run["customer by address"] == [run["customers"][1]]
    assert run["customer"] == run["customers"][0]
    assert run["customers of a product"]
    assert {row["productId"] for row in run["reviews of a product"]} == {run["reviews"][0]["productId"]}
    assert run["product"] == run["products"][0]


def test_memberships_are_listed_by_post(run: Run) -> None:
    """The listing whose filters travel in a body answers the SDK page by page, down to an empty one."""
    first, active, none = run["members"], run["active members"], run["members of a span"]

    assert first["pagination"]["currentPage"] == 1
    assert {row["status"] for row in active["subscriptions"]} == {"active"}
    assert active["pagination"]["pageSize"] == 50
    assert (none["subscriptions"], none["pagination"]["totalPages"], none["pagination"]["hasMore"]) == ([], 0, False)


@in_the_same_loop
async def test_both_clients_see_the_same(run: Run) -> None:
    """What the SDK read, our client reads too: the same records in the same order with the same values."""
    orders = await run.pf.orders.list(page=2, page_size=7)
    customers = await run.pf.customers.list(sort_by="email", sort_order="desc", limit=50)
    theirs = run["orders, page 2 of 7"]["orders"]

    assert [order.id for order in orders.items] == [row["_id"] for row in theirs]
    assert [order.gross_amount for order in orders.items] == [Decimal(str(row["grossAmount"])) for row in theirs]
    assert [one.buyer_email for one in customers.items] == [row["buyerEmail"] for row in run["customers, sorted"]]


# ----------------------------------------------------------------------------------------------------------- writing


@pytest.mark.parametrize(
    ("record", "created", "updated"),
    [
        ("product", {"name": "Stranger's course", "published": False}, {"price": 13.75, "description": "Changed"}),
        ("discount", {"code": "STRANGER15", "valueType": "percentage"}, {"value": 20, "active": False}),
        ("upsell", {"offer": "More", "active": True}, {"upsellPrice": 8.5, "primaryButtonText": "Yes"}),
        (
            "webhook",
            {"events": ["product.created", "product.updated", "order.refunded"]},
            {"description": "Mine", "active": False},
        ),
    ],
)
def test_a_record_goes_round(run: Run, record: str, created: dict[str, Any], updated: dict[str, Any]) -> None:
    """What the SDK creates has its fields, what it updates has the new ones, and reading gives the same again."""
    made, changed, read = run[f"create {record}"], run[f"update {record}"], run[f"read {record}"]

    assert re.fullmatch("[0-9a-f]{24}", made["_id"])
    assert made.items() >= created.items()
    assert changed.items() >= {"_id": made["_id"], **updated}.items()
    assert read == changed
    assert run[f"delete {record}"]["message"]


def test_a_webhook_tells_the_sdk_its_secret_once(run: Run) -> None:
    """The secret is there at creation and never again."""
    assert run["create webhook"]["secret"]
    assert "secret" not in run["update webhook"]
    assert "secret" not in run["read webhook"]
    assert all("secret" not in hook for hook in run["webhooks"])


def test_the_sdks_webhook_is_told(run: Run) -> None:
    """What the SDK subscribed to arrives, signed with the secret that it was given; what it did not, does not."""
    secret = run["create webhook"]["secret"]
    events = [webhooks.construct_event(body, headers, secret, tolerance=300) for headers, body in run.told]
    refunds = [event.data.refund for event in events if event.type == "order.refunded"]

    assert sorted(event.type for event in events) == [
        "order.completed",  # the test event
        "order.refunded",
        "order.refunded",
        "product.created",
        "product.updated",
    ]
    assert {refund.id for refund in refunds} == {
        run["refund order"]["_id"],
        run["refund part of an order"]["_id"],
    }
    assert run["test webhook"]["message"]


def test_variants_offers_checkout(run: Run) -> None:
    """A variant comes and goes, an offer can be read back, and both kinds of product can be checked out."""
    course, offer = run["create product"], run["create offer"]

    assert run["create variant"]["productId"] == course["_id"]
    assert run["delete variant"]["message"]
    assert offer.items() >= {"price": 15, "frequency": "monthly", "trialPeriod": 7}.items()
    assert run["read offer"] == offer
    for label in ("checkout", "checkout of an offer"):
        assert run[label]["id"].startswith("cs_")
        assert run[label]["url"].startswith("https://")


@in_the_same_loop
async def test_changes_by_the_sdk_are_seen_by_our_client(run: Run) -> None:
    """Refunds, a cancelled membership, a new offer and the changed account are there for our client as well."""
    whole, part, offer, member = (
        run[label] for label in ("refund order", "refund part of an order", "create offer", "read member")
    )

    refunds = {refund.id: refund for refund in (await run.pf.refunds.list()).items}
    order = await run.pf.orders.get(whole["orderId"])
    seen_offer = await run.pf.subscription_offers.get(offer["_id"])
    seen_member = await run.pf.subscriptions.get(member["_id"])
    me = await run.pf.users.me()

    assert order.is_refunded is True
    assert order.gross_amount == Decimal(str(whole["amount"])) == refunds[whole["_id"]].amount
    assert refunds[whole["_id"]].reason == "Changed my mind"
    assert refunds[part["_id"]].amount == Decimal("1.25")
    assert len(refunds) == len(run["refunds"]) + 2
    assert (seen_offer.name, seen_offer.price, seen_offer.trial_period) == ("Stranger's club", Decimal(15), 7)
    assert (seen_member.status, member["status"]) == ("canceled", "canceled")
    assert (me.first_name, me.last_name, me.country) == ("Ada", "Stranger", "DE")


@in_the_same_loop
async def test_what_the_sdk_deleted_is_gone_for_our_client(run: Run) -> None:
    """Product, discount, upsell and webhook answer 404 to our client, and none of them is listed."""
    pf = run.pf
    for resource, label in (
        (pf.products, "create product"),
        (pf.discounts, "create discount"),
        (pf.upsells, "create upsell"),
        (pf.webhooks, "create webhook"),
    ):
        made = run[label]["_id"]
        with pytest.raises(NotFoundError):
            await resource.get(made)
        assert made not in [record.id for record in (await resource.list()).items]


# ------------------------------------------------------------------------------------------------------------ errors


@pytest.mark.parametrize(
    ("label", "status", "code"),
    [
        ("wrong key", 401, "UNAUTHORIZED"),
        ("unknown product", 404, "NOT_FOUND"),
        ("unknown order", 404, "NOT_FOUND"),
        ("unknown member", 404, "NOT_FOUND"),
        ("refund of an unknown order", 404, "NOT_FOUND"),
        ("product without a name", 400, "INVALID_PARAMETER"),
        ("product with a price in words", 400, "INVALID_PARAMETER"),
        ("checkout of nothing", 400, "INVALID_PARAMETER"),
        ("refund twice", 400, "ALREADY_REFUNDED"),
        ("no such route", 404, "NOT_FOUND"),
        ("beyond the quota", 429, "RATE_LIMITED"),
        ("deleted product", 404, "NOT_FOUND"),
    ],
)
def test_errors_reach_the_sdk(run: Run, label: str, status: int, code: str) -> None:
    """The SDK raises its own error with the status, the code and a message to read."""
    told = run.error(label)

    assert told[:2] == (status, code)
    assert told[2] not in {"", "Request failed"}


def test_no_answer_is_a_timeout(run: Run) -> None:
    """A server that never answers ends the SDK's call by its own clock."""
    assert run.error("no answer") == (None, "TIMEOUT", "Request timeout")
    assert run["within the quota"]["_id"]


def test_no_other_step_fails(run: Run) -> None:
    """The steps that fail are those that are meant to."""
    failed = [step["label"] for step in run.steps if "error" in step]

    assert failed == [
        "wrong key",
        "unknown product",
        "unknown order",
        "unknown member",
        "refund of an unknown order",
        "product without a name",
        "product with a price in words",
        "checkout of nothing",
        "refund twice",
        "no such route",
        "beyond the quota",
        "no answer",
        "deleted product",
    ]

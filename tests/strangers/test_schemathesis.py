"""Schemathesis makes up requests from the spec, valid and invalid ones, and judges the sandbox's answers by it."""

import asyncio
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest
import requests
import schemathesis
import yaml
from hypothesis.internal.conjecture import providers
from schemathesis.checks import not_a_server_error
from schemathesis.config import SchemathesisConfig
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    ignored_auth,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from pocketsflow_async.sandbox import Sandbox

SPECS = Path(__file__).parent.parent.parent / "openapi"
SPEC = yaml.safe_load((SPECS / "pocketsflow.yaml").read_text())
PREVIEW = yaml.safe_load((SPECS / "pocketsflow-preview.yaml").read_text())
KEY = {"Authorization": "Bearer pk_test_sandbox"}
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
    ignored_auth,
]
CONFIG = {
    "seed": 7,
    "suppress-health-check": ["all"],  # a slow machine is no failure
    "generation": {
        "mode": "all",
        "max-examples": 10,
        "deterministic": True,
        "database": "none",
        "no-shrink": True,
        "with-security-parameters": False,  # every request carries the key, but for those of ignored_auth
    },
}

# ---------------------------------------------------------------------------------------- the spec, as it is meant


def as_meant(spec: dict[str, Any]) -> dict[str, Any]:
    """The spec with what its words say, and its schemas do not, written out.

    In answers a field that is not required may be null, enums are open, and a discount's end may be a date. In
    requests a page may be asked for with more than 100 items, which is cut to 100, and names of events are open.
    """
    schemas = spec["components"]["schemas"]
    answered = {f"Answered{name}": opened(schema) for name, schema in json.loads(renamed(schemas)).items()}
    if "AnsweredDiscount" in answered:
        answered["AnsweredDiscount"]["properties"]["expiration"] = {"type": ["string", "null"]}
    meant = json.loads(json.dumps(spec))
    meant["components"]["responses"] = json.loads(renamed(spec["components"]["responses"]))
    for item in meant["paths"].values():
        for verb, operation in item.items():
            if verb != "parameters":
                operation["responses"] = json.loads(renamed(operation["responses"]))
    meant["components"]["schemas"] |= answered
    meant["components"]["schemas"].get("WebhookEvent", {}).pop("enum", None)
    del meant["components"]["parameters"]["PageSize"]["schema"]["maximum"]
    if "SubscriptionSearch" in schemas:
        del meant["components"]["schemas"]["SubscriptionSearch"]["properties"]["pageSize"]["maximum"]
    return meant


def renamed(part: Any) -> str:
    """A part of the spec, which from now on refers to the schemas of answers."""
    return json.dumps(part).replace("#/components/schemas/", "#/components/schemas/Answered")


def opened(schema: dict[str, Any]) -> dict[str, Any]:
    """A schema as answers are meant to fit it."""
    schema.pop("enum", None)
    for name, field in schema.get("properties", {}).items():
        if name not in schema.get("required", ()):
            schema["properties"][name] = {"anyOf": [field, {"type": "null"}]}
    return schema


schema = schemathesis.openapi.from_dict(as_meant(SPEC), config=SchemathesisConfig.from_dict(CONFIG))
preview = schemathesis.openapi.from_dict(as_meant(PREVIEW), config=SchemathesisConfig.from_dict(CONFIG))

# ------------------------------------------------------------------------------------------------------- the sandbox


@attrs.define
class Server:
    """A sandbox in a thread of its own, and what of it can stand for the spec's examples."""

    url: str
    ids: dict[str, list[str]]
    words: dict[str, str]

    def ask(self, method: str, path: str, **options: Any) -> Any:
        return requests.request(method, self.url + path, headers=KEY, timeout=10, **options).json()

    def find_records(self) -> None:
        """Learn the ids of what is there."""
        listings = "products orders customers discounts upsells subscriptions webhooks refunds"
        inferred = "images posts newsletters/subscribers links payouts"
        for path in (f"/{name}" for name in f"{listings} {inferred}".split()):
            found = self.ask("GET", path)
            records = found if isinstance(found, list) else next(iter(found.values()))
            self.ids[path] = [record["_id"] for record in records]
        members = self.ask("POST", "/orders/subscriptions", json={})["subscriptions"]
        self.ids["/orders/subscriptions"] = [member["_id"] for member in members]
        self.words = {
            "65f0c0ffee00000000000001": self.ids["/products"][-1],
            "65f0c0ffee00000000000003": self.ids["/orders"][-1],
            "sub_example0001": members[-1]["stripeSubscriptionId"],
            "example-store": "sandbox-store",
            "buyer@example.com": self.ask("GET", "/customers")[0]["buyerEmail"],
        }

    def real(self, value: Any) -> Any:
        """A value with the spec's examples replaced by what is there."""
        if isinstance(value, dict):
            return {name: self.real(item) for name, item in value.items()}
        if isinstance(value, list):
            return [self.real(item) for item in value]
        return self.words.get(value, value) if isinstance(value, str) else value

    def record(self, method: str, template: str) -> str | None:
        """The id of a record that a path with {id} can find; one that is deleted is not given again."""
        several = self.ids.get(template.partition("/{")[0].removesuffix("/update"), [])
        return None if not several else several.pop(0) if method == "DELETE" and len(several) > 1 else several[0]


@pytest.fixture(scope="module", autouse=True)
def no_words_of_ours() -> Iterator[None]:
    """Let hypothesis draw no words from modules of ours: which are loaded depends on the tests that ran before."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(providers, "_get_local_constants", getattr(providers, "Constants", set), raising=False)
        patch.setattr(providers, "CONSTANTS_CACHE", {}, raising=False)
        yield


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A sandbox of 60 orders."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    sandbox = Sandbox(orders=60, rate_limit=None)
    try:
        asyncio.run_coroutine_threadsafe(sandbox.start(), loop).result(10)
        server = Server(sandbox.url, {}, {})
        server.find_records()
        yield server
        asyncio.run_coroutine_threadsafe(sandbox.aclose(), loop).result(10)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


# --------------------------------------------------------------------------------------------------------- the tests


@schema.parametrize()
def test_every_answer_is_in_the_spec(case: schemathesis.Case, server: Server) -> None:
    """No request makes the sandbox fail, and every answer has a status, a type and a body that the spec gives it."""
    judge(case, server, CHECKS)


@preview.parametrize()
def test_every_answer_is_in_the_preview_spec(case: schemathesis.Case, server: Server) -> None:
    """The same holds where paths are inferred; what is wrong with a file is no longer wrong as a part of a form."""
    form = case.media_type == "multipart/form-data"
    judge(case, server, [check for check in CHECKS if not form or check is not negative_data_rejection])


def judge(case: schemathesis.Case, server: Server, checks: list[Any]) -> None:
    """Ask for what there is, and look the answer through."""
    example = case.path_parameters.get("id") == "65f0c0ffee00000000000001"
    known = server.record(case.method, case.path) if example else None
    case.path_parameters = server.real(case.path_parameters) | ({"id": known} if known else {})
    case.query = server.real(case.query)
    case.body = server.real(case.body)

    case.call_and_validate(base_url=server.url, headers=KEY, checks=checks)

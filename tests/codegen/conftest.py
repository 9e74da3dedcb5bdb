"""A small valid spec that every test changes in one place, and what the lint says of it."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from codegen.lint import lint
from codegen.problems import Problem, SpecError
from codegen.spec import load

VALID = yaml.safe_load("""
openapi: 3.1.0
info: {title: Shop, version: "1"}
servers: [{url: https://api.example.com}]
tags: [{name: orders, description: Sales.}]
paths:
  /orders:
    get:
      operationId: orders.list
      x-resource: orders
      x-method: list
      x-idempotency: safe
      x-stability: documented
      x-sources: ["docs: orders"]
      x-paging: {style: page, items: orders}
      summary: List orders.
      parameters:
        - {name: page, in: query, schema: {type: integer, minimum: 1}}
        - {name: pageSize, in: query, schema: {type: integer, maximum: 50, default: 20}}
        - {$ref: "#/components/parameters/Status"}
      responses:
        "200": {description: OK., content: {application/json: {schema: {$ref: "#/components/schemas/OrderPage"}}}}
        "400": {$ref: "#/components/responses/Failed"}
    post:
      operationId: orders.create
      x-resource: orders
      x-method: create
      x-idempotency: key
      x-stability: documented
      x-sources: ["docs: orders"]
      x-unwrap: [order]
      summary: Create an order.
      requestBody:
        required: true
        content: {application/json: {schema: {$ref: "#/components/schemas/OrderCreate"}}}
      responses:
        "200": {description: OK., content: {application/json: {schema: {$ref: "#/components/schemas/Order"}}}}
        "201": {description: OK., content: {application/json: {schema: {$ref: "#/components/schemas/Order"}}}}
  /orders/{id}:
    parameters:
      - {name: id, in: path, required: true, schema: {type: string}}
    get:
      operationId: orders.get
      x-resource: orders
      x-method: get
      x-idempotency: safe
      x-stability: sdk-only
      x-sources: ["docs: orders"]
      summary: Read an order.
      responses:
        "200": {description: OK., content: {application/json: {schema: {$ref: "#/components/schemas/Order"}}}}
  /orders/search:
    post:
      operationId: orders.search
      x-resource: orders
      x-method: search
      x-idempotency: safe
      x-stability: observed
      x-sources: ["docs: orders"]
      x-paging: {style: body-page, items: orders}
      summary: Search orders.
      requestBody:
        required: true
        content: {application/json: {schema: {$ref: "#/components/schemas/OrderSearch"}}}
      responses:
        "200": {description: OK., content: {application/json: {schema: {$ref: "#/components/schemas/OrderPage"}}}}
  /customers:
    get:
      operationId: customers.list
      x-resource: customers
      x-method: list
      x-idempotency: safe
      x-stability: preview
      x-sources: ["docs: customers"]
      x-paging: {style: offset}
      summary: List customers.
      parameters:
        - {name: X-Trace-Id, in: header, schema: {type: string}}
        - {name: limit, in: query, schema: {type: integer}}
        - {name: offset, in: query, schema: {type: integer}}
        - {name: over, in: query, schema: {type: number, format: double}}
        - {name: tag, in: query, schema: {type: array, items: {type: string}}}
      responses:
        "200":
          description: OK.
          content: {application/json: {schema: {type: array, items: {$ref: "#/components/schemas/Customer"}}}}
components:
  parameters:
    Status: {name: status, in: query, schema: {$ref: "#/components/schemas/Status"}}
  responses:
    Failed: {description: No., content: {application/json: {schema: {$ref: "#/components/schemas/Error"}}}}
  schemas:
    Status: {type: string, description: State., enum: [open, sent.today]}
    Day: {anyOf: [{type: string, format: date}, {type: string, format: date-time}]}
    Text: {type: string}
    Pagination:
      type: object
      required: [currentPage, hasMore]
      properties: {currentPage: {type: integer}, hasMore: {type: boolean}, totalPages: {type: integer}}
    Error: {type: object, properties: {error: {type: string}}}
    Customer: {type: object, description: A buyer., required: [_id], properties: {_id: {type: string}}}
    Cat: {type: object, required: [kind], properties: {kind: {type: string}, lives: {type: integer}}}
    Dog: {type: object, required: [kind], properties: {kind: {$ref: "#/components/schemas/Status"}}}
    Pet:
      oneOf: [{$ref: "#/components/schemas/Cat"}, {$ref: "#/components/schemas/Dog"}]
      discriminator: {propertyName: kind, mapping: {cat: "#/components/schemas/Cat"}}
    Item: {type: object, properties: {name: {type: string}, price: {type: number, format: decimal}}}
    Gift:
      allOf:
        - {$ref: "#/components/schemas/Item"}
        - {type: object, required: [note], properties: {note: {type: string}}}
    Order:
      type: object
      description: A sale.
      required: [_id]
      properties:
        _id: {type: string}
        status: {$ref: "#/components/schemas/Status", description: Its state.}
        rating: {type: number, format: double}
        paid: {type: boolean}
        count: {type: integer, minimum: 0, default: 1}
        at: {type: string, format: date-time}
        day: {type: string, format: date}
        note: {type: [string, "null"]}
        customer: {oneOf: [{$ref: "#/components/schemas/Customer"}, {type: "null"}]}
        items: {type: array, items: {$ref: "#/components/schemas/Item"}}
        pets: {type: array, items: {$ref: "#/components/schemas/Pet"}}
        gifts: {type: object, additionalProperties: {$ref: "#/components/schemas/Gift"}}
        metadata: {type: object, additionalProperties: true}
        to: {anyOf: [{type: string}, {type: array, items: {type: string}}]}
        anything: {x-seen: 2024}
    OrderPage:
      type: object
      required: [orders]
      properties:
        orders: {type: array, items: {$ref: "#/components/schemas/Order"}}
        pagination: {$ref: "#/components/schemas/Pagination"}
    OrderSearch:
      type: object
      properties:
        page: {type: integer}
        pageSize: {type: integer}
        since: {$ref: "#/components/schemas/Day"}
    OrderLine: {type: object, required: [product], properties: {product: {type: string}}}
    OrderCreate:
      type: object
      required: [buyerEmail]
      properties:
        buyerEmail: {type: string}
        status: {$ref: "#/components/schemas/Status"}
        lines: {type: array, items: {$ref: "#/components/schemas/OrderLine"}}
        remark: {$ref: "#/components/schemas/Text"}
        until:
          oneOf: [{$ref: "#/components/schemas/Day"}, {type: "null"}]
""")

Edits = dict[str, Any]


def edit(data: dict[str, Any], edits: Edits) -> dict[str, Any]:
    """Set what stands at some JSON pointers; `...` removes it."""
    for pointer, value in edits.items():
        *way, last = [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]
        node: Any = data
        for part in way:
            node = node[int(part)] if isinstance(node, list) else node[part]
        if value is ...:
            del node[last]
        elif isinstance(node, list):
            node[int(last) : int(last) + 1] = [value]
        else:
            node[last] = value
    return data


@pytest.fixture(scope="session")
def edited() -> Callable[[Edits], dict[str, Any]]:
    """The valid spec with some edits, by JSON pointer; `...` removes what stands there."""
    return lambda edits: edit(copy.deepcopy(VALID), edits)


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Writes a spec into the folder `openapi` and returns the file."""

    def write(data: dict[str, Any], name: str = "shop.yaml") -> Path:
        path = tmp_path / "openapi" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(data, indent=1), encoding="utf-8")  # YAML contains JSON, which is faster written
        return path

    return write


@pytest.fixture
def refused(edited: Callable[[Edits], dict[str, Any]], write: Callable[..., Path]) -> Callable[..., list[Problem]]:
    """What the lint says of the valid spec after some edits."""

    def refused(edits: Edits, name: str = "shop.yaml") -> list[Problem]:
        try:
            lint(load(write(edited(edits), name)))
        except SpecError as exc:
            return exc.problems
        return []

    return refused


@pytest.fixture
def check_refused(refused: Callable[..., list[Problem]]) -> Callable[..., None]:
    """Asserts that some edits are refused at a place, for a reason with a word in it."""

    def check_refused(edits: Edits, place: str, word: str) -> None:
        problems = refused(edits)

        assert [one for one in problems if one.pointer == place and word in one.reason], "\n".join(map(str, problems))
        assert {one.file for one in problems} == {"openapi/shop.yaml"}
        assert all(one.line > 0 for one in problems)

    return check_refused

"""Every mistake that a person makes in a spec, in one spec: one line for each, and nothing else happens."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from codegen.__main__ import ROOT

SPEC = """
openapi: 3.1.0
info: {title: Shop, version: "1"}
servers: [{url: https://api.example.com}]
paths:
  /orders:
    get:
      operationId: orders.list
      x-resource: orders
      x-method: list
      x-idempotency: safe
      x-stability: documented
      x-sources: ["docs: orders"]
      x-paging: {style: none}  # missing items
      summary: List orders.
      responses:
        "200": {description: OK., content: {application/json: {schema: {$ref: "#/components/schemas/OrderPage"}}}}
  /orders/{orderId}:  # undeclared parameter
    get:
      operationId: orders.get
      x-resource: orders
      x-method: get
      x-idempotency: safe
      x-stability: documented
      x-sources: ["docs: orders"]
      summary: Read an order.
      responses:
        "200": {description: OK., content: {application/json: {schema: {$ref: "#/components/schemas/Order"}}}}
  /sales:
    get:
      operationId: orders.get  # duplicate operationId
      x-resource: orders
      x-method: get
      x-idempotency: safe
      x-stability: documented
      x-sources: ["docs: orders"]
      summary: Read a sale.
      responses:
        "200": {description: OK., content: {application/json: {schema: {$ref: "#/components/schemas/Order"}}}}
  /common:
    get:
      operationId: common.get
      x-resource: common  # reserved name
      x-method: get
      x-idempotency: safe
      x-stability: documented
      x-sources: ["docs: orders"]
      summary: Read what is common.
      responses:
        "200": {description: OK., content: {application/json: {schema: {$ref: "#/components/schemas/Order"}}}}
components:
  schemas:
    OrderPage:
      type: object
      required: [orders]
      properties:
        orders: {type: array, items: {$ref: "#/components/schemas/Order"}}
    Order:
      type: object
      properties:
        buyerEmail: {type: string}
        buyer_email: {type: string}  # one name in Python
        status: {$ref: "#/components/schemas/Statsu"}  # unknown reference
        total:
          type: integer
          not: {minimum: 3}  # unsupported keyword
        tree: {$ref: "#/components/schemas/Tree"}
    Status: {type: string, enum: [open]}
    Tree: {type: array, items: {$ref: "#/components/schemas/Tree"}}  # cyclic schema
    Sub: {allOf: [{$ref: "#/components/schemas/Sub"}]}  # cyclic inheritance
"""

MISTAKES = {
    "missing items": ("/paths/~1orders/get/x-paging", "items must name the property of OrderPage"),
    "undeclared parameter": ("/paths/~1orders~1{orderId}/get", "declare it in: path"),
    "duplicate operationId": ("/paths/~1sales/get/operationId", "give this one another name"),
    "reserved name": ("/paths/~1common/get/x-resource", "use another word"),
    "one name in Python": ("/components/schemas/Order/properties/buyer_email", "another name with x-name"),
    "unknown reference": ("/components/schemas/Order/properties/status/$ref", "did you mean Status?"),
    "unsupported keyword": ("/components/schemas/Order/properties/total/not", "say what the value is"),
    "cyclic schema": ("/components/schemas/Tree", "make it an object"),
    "cyclic inheritance": ("/components/schemas/Sub/allOf", "break the circle"),
}


def line_of(mistake: str) -> int:
    """Where the spec has the mistake: its comment stands there; the parameter's is at the path, the operation below."""
    lines = SPEC.splitlines()
    return 1 + next(number for number, text in enumerate(lines) if text.endswith(f"# {mistake}"))


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[subprocess.CompletedProcess[str], Path]:
    """What the command says of the spec, run as people run it, over a tree that is there already."""
    folder = tmp_path_factory.mktemp("mistakes")
    (folder / "openapi").mkdir()
    (folder / "openapi" / "shop.yaml").write_text(SPEC)
    (folder / "out").mkdir()
    (folder / "out" / "old.py").write_text("old = 1\n")
    command = [sys.executable, "-m", "codegen", "--specs", "openapi", "--out", "out"]
    done = subprocess.run(  # noqa: S603 - our own command
        command, cwd=folder, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False
    )
    return done, folder


@pytest.mark.parametrize("mistake", MISTAKES)
def test_each_mistake_is_one_line(told: tuple[subprocess.CompletedProcess[str], Path], mistake: str) -> None:
    """A line has file, line, pointer and what to do; the mistake has one such line and no second."""
    pointer, remedy = MISTAKES[mistake]
    lines = [line for line in told[0].stderr.splitlines() if f": {pointer}: " in line]

    assert len(lines) == 1
    found = re.fullmatch(r"openapi/shop\.yaml:(\d+): (/\S*): (.+)", lines[0])
    assert found, lines[0]
    assert int(found[1]) - line_of(mistake) == (1 if mistake == "undeclared parameter" else 0)
    assert remedy in found[3]


def test_all_in_one_run_and_nothing_else(told: tuple[subprocess.CompletedProcess[str], Path]) -> None:
    """One run tells all mistakes in the order of the file, ends with 1, without a traceback, and changes nothing."""
    done, folder = told
    *lines, last = done.stderr.splitlines()

    assert done.returncode == 1
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    unused = [f"/components/schemas/{name}" for name in ("Status", "Sub")]  # for what led there leads elsewhere
    assert sorted(line.split(": ")[1] for line in lines) == sorted(
        [*unused, *(place for place, _ in MISTAKES.values())]
    )
    assert [int(line.split(":")[1]) for line in lines] == sorted(int(line.split(":")[1]) for line in lines)
    assert last == f"{len(lines)} problem(s): nothing was written"
    assert [path.name for path in sorted((folder / "out").iterdir())] == ["old.py"]
    assert sorted(path.name for path in folder.iterdir()) == ["openapi", "out"]
    assert (folder / "out" / "old.py").read_text() == "old = 1\n"

"""`python -m codegen drift`: where the document comes from, what is said of it, and with which status it ends."""

import asyncio
import http.server
import io
import json
import threading

import pytest
import yaml
from effort import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from codegen.__main__ import main
from codegen.drift import source
from codegen.drift.compare import compare
from codegen.drift.document import Document
from codegen.drift.report import HEADINGS, as_json, markdown
from pocketsflow_async.sandbox import Sandbox
from pocketsflow_async.sandbox._routes import Routes, read_spec


@pytest.fixture
def run(capsys, tmp_path, write, edited):
    """Runs the command against the valid spec; returns its status, what it printed and what it complained of."""
    write(edited({}))

    def run(*words):
        status = main(["drift", *map(str, words), "--specs", str(tmp_path / "openapi")])
        told = capsys.readouterr()
        return status, told.out, told.err

    return run


@pytest.fixture
def document(tmp_path):
    """Writes a vendor's document and returns the file."""

    def document(content):
        path = tmp_path / "vendor"
        path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
        return path

    return document


@pytest.fixture
def serve():
    """Serves one answer on a port of this machine and returns its address."""
    servers = []

    def serve(status=200, body=b"", headers=(), length=None):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(status)
                for name, value in headers:
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body) if length is None else length))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        servers.append((server, thread))
        return f"http://127.0.0.1:{server.server_port}/docs.json"

    yield serve
    for server, thread in servers:
        server.shutdown()
        thread.join()
        server.server_close()


async def test_the_sandbox_shows_no_drift(capsys):
    """What the sandbox serves at /docs.json is our spec, so there is nothing to report."""
    async with Sandbox() as sandbox:
        status = await asyncio.to_thread(main, ["drift", f"{sandbox.url}/docs.json"])

    out = capsys.readouterr().out
    assert status == 0
    assert out.startswith("# pocketsflow.yaml (here) against http://127.0.0.1:")
    assert f"{len(Routes(read_spec()).operations)} endpoints compared, no differences." in out
    assert "## Preview: denied" in out


@pytest.mark.parametrize("form", ["json", "yaml", "json with a mark", "flow yaml"])
def test_json_and_yaml(run, document, edited, form):
    """The document may be in JSON or YAML, with a byte order mark or in braces."""
    data = edited({"/info/version": "2024-01-01"})
    dumped = yaml.safe_dump(data, default_flow_style=form == "flow yaml").encode()
    content = dumped if "yaml" in form else b"\xef\xbb\xbf" * form.count("mark") + json.dumps(data).encode()

    assert run(document(content))[0] == 0


def test_drift_ends_with_one(run, document, edited):
    """A difference is told and the status is 1, in Markdown as in JSON."""
    path = document(edited({"/components/schemas/Order/properties/paid/type": "string"}))

    status, out, _ = run(path)
    assert status == 1
    assert "| `Order.paid` | answer | boolean | string | orders.list, orders.create, orders.get, orders.search |" in out

    status, out, _ = run(path, "--json")
    told = json.loads(out)
    assert (status, told["drift"], told["preview"]["confirmed"]) == (1, True, ["GET /customers (customers.list)"])
    assert [(one["kind"], one["where"]) for one in told["findings"]] == [("type", "Order.paid")]


def test_the_report_goes_into_a_file(run, document, edited, tmp_path):
    """With `--out` the report is in the file and nowhere else."""
    status, out, _ = run(document(edited({})), "--out", tmp_path / "report.md")

    assert (status, out) == (0, "")
    assert "no differences" in (tmp_path / "report.md").read_text()
    assert run(document(edited({})), "--out", tmp_path)[0] == 2


def test_standard_input(run, monkeypatch, edited):
    """`-` is standard input."""
    content = json.dumps(edited({})).encode()
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))

    assert run("-")[0] == 0


def test_an_address(run, serve, edited):
    """The document is fetched over http, through a redirect too."""
    address = serve(200, json.dumps(edited({})).encode())

    assert run(address)[0] == 0
    assert run(serve(302, headers=[("Location", address)]))[0] == 0


def test_which_spec_is_meant(run, write, edited, document):
    """The spec with the most endpoints in common is compared, unless another one is named."""
    other = edited({"/paths/~1orders": ..., "/paths/~1orders~1{id}": ..., "/paths/~1orders~1search": ...})
    write(other, "other.yaml")

    assert run(document(edited({})))[1].startswith("# shop.yaml")
    assert run(document(edited({})), "--spec", "other")[1].startswith("# other.yaml")
    assert run(document(edited({})), "--spec", "none") == (2, "", "--spec none: there are other, shop\n")


DOCUMENTS = {
    "not text": (b"\xff\xfe\x00", "this is not text in UTF-8"),
    "not YAML": (b"a: [", "neither JSON nor YAML, line "),
    "a tab": (b"a:\n\t- b", "neither JSON nor YAML, line 2"),
    "a page": (b"<!doctype html><html></html>", "it looks like a web page"),
    "nothing": (b"", "no OpenAPI document"),
    "a list": (b"[]", "no OpenAPI document"),
    "another document": (b'{"a": 1}', "no OpenAPI document"),
    "Swagger": (b'{"swagger": "2.0"}', "this is Swagger 2.0; only OpenAPI 3.0 and 3.1"),
    "OpenAPI 4": (b'{"openapi": "4.0.0"}', "this is OpenAPI 4.0.0"),
    "too deep": (b"[" * 100_000, "nested too deeply"),
    "too deep a block": (b"- " * 100_000 + b"a", "nested too deeply"),
    "no known tag": (b"openapi: !!python/object:os.system {}", "neither JSON nor YAML"),
}  # fmt: skip


@pytest.mark.parametrize("case", DOCUMENTS)
def test_what_is_no_document(run, document, case):
    """Anything that is no OpenAPI 3 document is refused in one line that says why."""
    content, word = DOCUMENTS[case]

    status, out, complaint = run(document(content))

    assert (status, out) == (2, "")
    assert word in complaint
    assert complaint.count("\n") == 1


@pytest.mark.parametrize(
    ("address", "word"),
    [
        ("ftp://127.0.0.1/a", "only http and https addresses"),
        ("file:///etc/hosts", "only http and https addresses"),
        ("http://", "cannot be r"),
        ("http://[x", "cannot be read"),
        ("http://127.0.0.1:99999/", "cannot be read"),
        ("http://127.0.0.1:1/a", "cannot be reached"),
        ("http://127.0.0.1:1/a b", "cannot be read"),
        ("nowhere.json", "the file cannot be read: No such file"),
        ("a\0b", "the file cannot be read"),
    ],
)
def test_what_cannot_be_read(run, address, word):
    """An address or file that cannot be read is told in one line."""
    status, out, complaint = run(address)

    assert (status, out) == (2, "")
    assert word in complaint
    assert complaint.count("\n") == 1


def test_servers_that_fail(run, serve):
    """A refusal, an answer that breaks off and a redirect into the file system are told in one line."""
    assert "the server answered 404 Not Found" in run(serve(404))[2]
    assert "302" in run(serve(302, headers=[("Location", "file:///etc/hosts")]))[2]
    assert "IncompleteRead" in run(serve(200, b"openapi: 3.1.0", length=100))[2]


def test_a_server_that_says_nothing(run):
    """A server that never answers is given up after the timeout."""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as listening:
        status, _, complaint = run(f"http://127.0.0.1:{listening.getsockname()[1]}/", "--timeout", "0.1")

    assert (status, "no whole answer within 0.1 s" in complaint) == (2, True)
    assert run("x.json", "--timeout", "0")[2] == "--timeout: give a number of seconds above 0\n"


def test_too_large(run, serve, document, monkeypatch):
    """No more than the limit is read, from wherever it comes."""
    monkeypatch.setattr(source, "LIMIT", 1_000_000)
    content = b" " * 1_000_001

    assert "larger than 1 MB" in run(serve(200, content))[2]
    assert "larger than 1 MB" in run(document(content))[2]


def test_every_kind_has_its_part(edited):
    """Every kind of difference has a heading of its own, so none is left out of the report."""
    data = edited({"/paths/~1orders~1search": ..., "/servers": [{"url": "https://x/v2"}]})
    data["paths"]["/new"] = {"get": {}}
    found = compare(Document("here", edited({})), [], Document("there", data))

    text = markdown(found, "here", "there")
    for finding, _ in found.findings:
        assert finding.kind in HEADINGS
        assert finding.where in text


# Any JSON below any key that OpenAPI gives a meaning to.
KEYS = [
    "$ref",
    "type",
    "properties",
    "items",
    "allOf",
    "oneOf",
    "anyOf",
    "required",
    "enum",
    "const",
    "nullable",
    "schema",
]
KEYS += ["content", "application/json", "parameters", "in", "name", "responses", "200", "requestBody", "get", "post"]
KEYS += ["paths", "/orders", "/orders/{id}", "/customers", "components", "schemas", "Order", "additionalProperties"]
KEYS += ["default", "format", "minimum", "exclusiveMinimum", "servers", "url", "variables", "webhooks", "x-unwrap"]
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.sampled_from(["#/components/schemas/Order", "#/paths/~1orders", "#", "string", "object", "query", "path", "id"]),
    st.text(max_size=5),
)
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=5),
    max_leaves=30,
)
PLACES = [
    "/paths/~1orders",
    "/paths/~1orders/get/parameters",
    "/paths/~1orders/get/responses",
    "/paths/~1orders/post/requestBody",
    "/components",
    "/components/schemas/Order",
    "/components/schemas/Customer",
    "/components/schemas/Order/properties",
    "/components/schemas/OrderPage/properties/orders",
    "/servers",
    "/paths",
    "/webhooks",
]


@settings(max_examples=examples(300), deadline=None)
@given(place=st.sampled_from(PLACES), wrong=ANYTHING)
def test_no_document_breaks_the_comparison(edited, place, wrong):
    """Whatever stands in a document, it is compared as far as that goes, on either side."""
    theirs = edited({place: wrong})

    found = compare(Document("here", edited({})), [], Document("there", theirs))

    assert markdown(found, "here", "there")
    assert json.loads(as_json(found, "here", "there"))

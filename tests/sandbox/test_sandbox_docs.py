from html.parser import HTMLParser

import aiohttp

from pocketsflow_async.sandbox._docs import Docs
from pocketsflow_async.sandbox._routes import read_spec

SPEC = read_spec()
VOID = {"meta", "br"}


class Reader(HTMLParser):
    """Reads a page, and minds that every element is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: set[str] = set()
        self.links: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        assert not given.keys() & {"src", "onload", "onclick"}
        if tag not in VOID:
            self.open.append(tag)
        if "id" in given:
            assert given["id"] not in self.ids
            self.ids.add(given["id"])
        if "href" in given:
            self.links.add(given["href"])

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


async def test_the_spec_is_served_with_the_sandbox_as_its_server(sandbox, ask):
    """docs.json is the spec of the client, needs no key and is not counted."""
    answer = await ask("GET", "/docs.json", key=None)

    assert answer.status == 200
    assert [server["url"] for server in answer.body["servers"]] == [sandbox.url]
    assert answer.body == {**SPEC, "servers": answer.body["servers"]}
    assert sandbox.received == 0


def test_the_page_names_everything_and_needs_nothing_else():
    """Every operation, parameter and schema is on the page; its links lead to the page itself or to docs.json."""
    page = Docs(SPEC).page().decode()
    reader = Reader()
    reader.feed(page)

    for path, item in SPEC["paths"].items():
        for verb in item.keys() - {"parameters"}:
            assert f"{verb.upper()} {path}" in reader.text
    for parameter in SPEC["components"]["parameters"].values():
        assert parameter["name"] in reader.text
    for name in SPEC["components"]["schemas"]:
        assert f"schema-{name}" in reader.ids
    assert reader.open == []
    assert {link[1:] for link in reader.links if link.startswith("#")} <= reader.ids
    assert {link for link in reader.links if not link.startswith("#")} == {"docs.json"}


async def test_the_page_is_served_as_html(sandbox):
    """It may load nothing from anywhere, and comes without a key."""
    async with aiohttp.ClientSession() as session, session.get(sandbox.url + "/docs") as answer:
        assert (answer.status, answer.content_type) == (200, "text/html")
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
        assert await answer.read() == Docs(SPEC).page()
    assert sandbox.received == 0


def test_what_the_spec_says_is_text_and_not_markup():
    """Angle brackets in a description stay angle brackets."""
    spec = {**SPEC, "info": {**SPEC["info"], "title": "<script>alert(1)</script>"}}

    assert "<script>" not in Docs(spec).page().decode()

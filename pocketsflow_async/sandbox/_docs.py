"""The spec, as JSON and as one page to read; nothing on the page comes from anywhere else."""

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any, Final

import msgspec

from pocketsflow_async.sandbox._routes import VERBS, resolved

_STYLE: Final = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #222; }
h1, h2, h3 { line-height: 1.2; } h2 { margin-top: 3rem; border-bottom: 1px solid #ccc; }
article { margin: 1.5rem 0; padding: .5rem 1rem; border: 1px solid #ddd; border-radius: .5rem; }
article h3 { font: bold 1rem ui-monospace, monospace; overflow-wrap: anywhere; }
table { border-collapse: collapse; width: 100%; } code { font-family: ui-monospace, monospace; }
th, td { text-align: left; vertical-align: top; padding: .2rem .8rem .2rem 0; border-bottom: 1px solid #eee; }
p { white-space: pre-line; } a { color: #05c; } nav a { margin-right: 1rem; }
@media (prefers-color-scheme: dark) { body { background: #181818; color: #ddd; } a { color: #6af; } }
"""


class Docs:
    """The documents of one spec.

    Args:
        spec: an OpenAPI document.
    """

    def __init__(self, spec: Mapping[str, Any]) -> None:
        self._spec = spec

    def document(self, address: str) -> bytes:
        """The spec as JSON, with this address as its server."""
        servers = [{"url": address, "description": "This sandbox."}]
        return msgspec.json.encode({**self._spec, "servers": servers})

    def page(self) -> bytes:
        """The spec as a page of HTML."""
        return "\n".join(self._lines()).encode()

    def _lines(self) -> Iterator[str]:
        info = self._spec["info"]
        title = escape(info["title"])
        yield f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
        yield f"<style>{_STYLE}</style></head><body><h1>{title} {escape(info['version'])}</h1>"
        yield f"<p>{escape(info.get('description', ''))}</p>"
        yield '<p>The same for programs: <a href="docs.json">docs.json</a></p>'
        names = [tag["name"] for tag in self._spec.get("tags", ())]
        links = (f'<a href="#{escape(name)}">{escape(name)}</a>' for name in (*names, "schemas"))
        yield f"<nav>{''.join(links)}</nav>"
        for tag in self._spec.get("tags", ()):
            yield f'<h2 id="{escape(tag["name"])}">{escape(tag["name"])}</h2>'
            yield f"<p>{escape(tag.get('description', ''))}</p>"
            for template, item in self._spec["paths"].items():
                for verb in VERBS:
                    if tag["name"] in item.get(verb, {}).get("tags", ()):
                        yield from self._operation(verb, template, item)
        yield '<h2 id="schemas">schemas</h2>'
        for name, schema in self._spec["components"]["schemas"].items():
            yield from _schema(name, schema)
        yield "</body></html>"

    def _operation(self, verb: str, template: str, item: Mapping[str, Any]) -> Iterator[str]:
        described = item[verb]
        yield f"<article><h3>{verb.upper()} {escape(template)}</h3><p>{escape(described.get('summary', ''))}</p>"
        yield f"<p>{escape(described.get('description', ''))}</p>"
        parameters = [
            resolved(self._spec, one) for one in (*item.get("parameters", ()), *described.get("parameters", ()))
        ]
        if parameters:
            yield "<table><tr><th>parameter</th><th>in</th><th>type</th><th></th></tr>"
            for one in parameters:
                yield _row(one["name"], one["in"], _type(one.get("schema", {})), escape(one.get("description", "")))
            yield "</table>"
        body = resolved(self._spec, described.get("requestBody", {})).get("content", {})
        for content in body.values():
            yield f"<p>Body: {_type(content.get('schema', {}))}</p>"
        for status, response in described["responses"].items():
            for content in resolved(self._spec, response).get("content", {}).values():
                yield f"<div>{escape(status)}: {_type(content.get('schema', {}))}</div>"
        yield "</article>"


def _schema(name: str, schema: Mapping[str, Any]) -> Iterator[str]:
    yield f'<article id="schema-{escape(name)}"><h3>{escape(name)}</h3><p>{escape(schema.get("description", ""))}</p>'
    if "properties" in schema:
        needed = schema.get("required", ())
        yield "<table><tr><th>field</th><th></th><th>type</th><th></th></tr>"
        for field, inner in schema["properties"].items():
            yield _row(field, "required" if field in needed else "", _type(inner), escape(inner.get("description", "")))
        yield "</table>"
    else:
        yield f"<p>{_type(schema)}</p>"
    yield "</article>"


def _row(name: str, note: str, kind: str, text: str) -> str:
    return f"<tr><td><code>{escape(name)}</code></td><td>{note}</td><td>{kind}</td><td>{text}</td></tr>"


def _type(schema: Mapping[str, Any]) -> str:
    """A schema in a few words of HTML, with links to the others."""
    if "$ref" in schema:
        name = escape(schema["$ref"].rpartition("/")[2])
        return f'<a href="#schema-{name}">{name}</a>'
    choices = (*schema.get("allOf", ()), *schema.get("anyOf", ()), *schema.get("oneOf", ()))
    if choices:
        return " or ".join(map(_type, choices))
    kinds: Any = schema.get("type", "any")
    kind = escape(kinds if isinstance(kinds, str) else " or ".join(kinds))
    if "items" in schema:
        return f"{kind} of {_type(schema['items'])}"
    if "enum" in schema:
        return f"{kind}: {escape(', '.join(map(str, schema['enum'])))}"
    return f"{kind} ({escape(schema['format'])})" if "format" in schema else kind

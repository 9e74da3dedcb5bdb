"""An OpenAPI document, of 3.0 or 3.1 and possibly wrong: references followed, endpoints found, mistakes noted."""

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote, urlsplit

import attrs

from codegen.drift.plain import is_list, is_mapping

METHODS = ("get", "put", "post", "delete", "patch", "head", "options", "trace")
_HOPS = 50

# What OpenAPI says is never a parameter, and what clients set by themselves.
_SET_BY_CLIENTS = frozenset({"accept", "content-type", "authorization", "idempotency-key"})


@attrs.frozen
class Endpoint:
    """An operation, or a webhook.

    Attributes:
        key: the method and the path, with `{}` for each id: what two documents agree on.
        told: the same as people write it.
        name: the operationId.
        place: the pointer to it.
        node: the operation.
        shared: the parameters of the whole path.
    """

    key: tuple[str, str]
    told: str
    name: str
    place: str
    node: dict[str, Any]
    shared: tuple[Any, ...]


class Document:
    """A document and what was noticed while reading it.

    Attributes:
        name: how it is called in notes.
        data: the document.
        notes: each thing that could not be understood, once.
    """

    def __init__(self, name: str, data: dict[str, Any]) -> None:
        self.name = name
        self.data = data
        self.notes: dict[str, None] = {}

    def note(self, place: str, text: str) -> None:
        """Keep what is wrong at a place."""
        self.notes[f"{self.name}: {place or '/'}: {text}"] = None

    def mapping(self, node: Any, place: str) -> dict[str, Any]:
        """The node as a mapping whose keys are text; what is no mapping is noted, and empty."""
        if is_mapping(node):
            items = node
            return (
                node
                if all(isinstance(key, str) for key in items)
                else {str(key): value for key, value in items.items()}
            )
        if node is not None:
            self.note(place, f"a mapping is expected here, not {_kind(node)}")
        return {}

    def listed(self, node: Any, place: str) -> list[Any]:
        """The node as a list; what is none is noted, and empty."""
        if is_list(node):
            return node
        if node is not None:
            self.note(place, f"a list is expected here, not {_kind(node)}")
        return []

    def resolve(self, node: Any, place: str) -> tuple[Any, str]:
        """The node behind any references, and its place; a reference that leads nowhere is noted and gives None."""
        for _ in range(_HOPS):
            if not is_mapping(node) or "$ref" not in node:
                return node, place
            reference = node["$ref"]
            if not isinstance(reference, str) or not reference.startswith("#"):
                self.note(place, f"the reference {reference!r} leads out of the document and is not followed")
                return None, place
            found = self._at(reference[1:])
            if found is None:
                self.note(place, f"the reference {reference!r} points nowhere")
                return None, place
            node, place = found, reference[1:]
        self.note(place, "references go round in a circle")
        return None, place

    def bases(self) -> list[str]:
        """The path in each server's address, the first server's first; always one."""
        found: list[str] = []
        for i, server in enumerate(self.listed(self.data.get("servers"), "/servers")):
            told = self.mapping(server, f"/servers/{i}")
            url = str(told.get("url", ""))
            for name, value in self.mapping(told.get("variables"), f"/servers/{i}/variables").items():
                default = self.mapping(value, f"/servers/{i}/variables/{name}").get("default", "")
                url = url.replace(f"{{{name}}}", str(default))
            try:
                found.append(urlsplit(url).path.rstrip("/"))
            except ValueError:
                self.note(f"/servers/{i}", f"{url!r} is no address")
        return list(dict.fromkeys(found)) or [""]

    def endpoints(self) -> Iterator[Endpoint]:
        """Every operation, without the servers' base path."""
        seen: set[tuple[str, str]] = set()
        for path, raw in self.mapping(self.data.get("paths"), "/paths").items():
            if path.startswith("x-"):
                continue
            place = f"/paths/{_escaped(path)}"
            item, place = self.resolve(raw, place)
            item = self.mapping(item, place)
            shared = tuple(self.listed(item.get("parameters"), f"{place}/parameters"))
            for method in METHODS:
                if method in item:
                    node = self.mapping(item[method], f"{place}/{method}")
                    key = (method.upper(), _template(path))
                    if key in seen:
                        self.note(f"{place}/{method}", "another path is the same but for the names in braces")
                        continue
                    seen.add(key)
                    name = str(node.get("operationId", ""))
                    yield Endpoint(key, f"{method.upper()} {path}", name, f"{place}/{method}", node, shared)

    def webhooks(self) -> Iterator[Endpoint]:
        """Every webhook, as if it were an operation."""
        for name, raw in self.mapping(self.data.get("webhooks"), "/webhooks").items():
            item, place = self.resolve(raw, f"/webhooks/{_escaped(name)}")
            node = self.mapping(self.mapping(item, place).get("post"), f"{place}/post")
            yield Endpoint(("EVENT", name), f"event {name}", name, f"{place}/post", node, ())

    def parameters(self, endpoint: Endpoint) -> dict[tuple[str, str], tuple[dict[str, Any], str]]:
        """The parameters by place and name (in the path by position), with the pointer to each."""
        own = self.listed(endpoint.node.get("parameters"), f"{endpoint.place}/parameters")
        ids = re.findall(r"\{([^}]*)\}", endpoint.told)
        found: dict[tuple[str, str], tuple[dict[str, Any], str]] = {}
        for i, raw in enumerate((*endpoint.shared, *own)):
            node, place = self.resolve(raw, f"{endpoint.place}/parameters/{i}")
            told = self.mapping(node, place)
            where, name = str(told.get("in", "")), str(told.get("name", ""))
            if where == "path" and name in ids:
                found[where, str(ids.index(name) + 1)] = told, place
            elif where in {"query", "cookie"} or (where == "header" and name.lower() not in _SET_BY_CLIENTS):
                found[where, name] = told, place
            elif told and where != "header":
                self.note(place, f"this is no parameter of {endpoint.told}: {where or 'nowhere'} {name!r}")
        return found

    def request(self, endpoint: Endpoint) -> tuple[str, Any, str] | None:
        """The media type, schema and pointer of what is sent; None where nothing is."""
        node, place = self.resolve(endpoint.node.get("requestBody"), f"{endpoint.place}/requestBody")
        return self._content(node, place)

    def answer(self, endpoint: Endpoint) -> tuple[str, Any, str] | None:
        """The media type, schema and pointer of the answer when all went well; None where nobody says."""
        place = f"{endpoint.place}/responses"
        responses = self.mapping(endpoint.node.get("responses"), place)
        for status in sorted(responses, key=lambda one: (one == "default", one)):
            if status.upper().startswith("2") or status == "default":
                node, inner = self.resolve(responses[status], f"{place}/{status}")
                if found := self._content(node, inner):
                    return found
        return None

    def _content(self, node: Any, place: str) -> tuple[str, Any, str] | None:
        content = self.mapping(self.mapping(node, place).get("content"), f"{place}/content")
        for media in sorted(content, key=lambda one: "json" not in one):
            inner = f"{place}/content/{_escaped(media)}"
            schema = self.mapping(content[media], inner).get("schema")
            if schema is not None:
                kind = "JSON" if "json" in media or media == "*/*" else media.partition(";")[0].strip()
                return kind, schema, f"{inner}/schema"
        return None

    def _at(self, pointer: str) -> Any:
        node: Any = self.data
        for part in pointer.split("/")[1:]:
            key = unquote(part).replace("~1", "/").replace("~0", "~")
            if is_mapping(node):
                items = node
                node = items.get(key, items.get(int(key)) if key.isdecimal() else None)
            elif is_list(node) and key.isdecimal() and int(key) < len(node):
                node = node[int(key)]
            else:
                return None
        return node


def _template(path: str) -> str:
    return re.sub(r"\{[^}]*\}", "{}", path).rstrip("/") or "/"


def _escaped(part: str) -> str:
    return part.replace("~", "~0").replace("/", "~1")


def _kind(node: Any) -> str:
    if is_mapping(node):
        return "a mapping"
    return "a list" if is_list(node) else "text" if isinstance(node, str) else "a number, true or false"

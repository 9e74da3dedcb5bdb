"""Rules for the parts that a schema plays: envelope or record, sent or received, but not both."""

import attrs

from codegen.lint.answers import answer, records
from codegen.lint.operations import body
from codegen.lint.view import Operation, View, mapping, text
from codegen.spec import pointer


def check(view: View) -> None:
    """Refuse schemas that would have to be two classes at once."""
    _pages(view)
    _directions(view)


@attrs.frozen
class _Page:
    operation: Operation
    envelope: str
    record: str


def _pages(view: View) -> None:
    paged = [operation for operation in view.operations() if "x-paging" in operation.node]
    lists = [_Page(one, view.named(answer(view, one)), records(view, one)) for one in paged]
    plain = {
        name for operation in view.operations() if operation not in paged for name in view.uses(answer(view, operation))
    }
    envelopes = {page.envelope for page in lists if page.envelope}
    inside = view.reach(plain.union(*(view.uses(view.schemas[name]) for name in envelopes)))
    for name in sorted(envelopes & inside):
        view.refuse(
            pointer("components", "schemas", name),
            "this is the envelope of a list and part of another answer as well: make two schemas of it",
        )
    told: dict[str, str] = {}
    for page in lists:
        items = text(mapping(page.operation.node["x-paging"]).get("items"))
        if page.envelope and told.setdefault(page.envelope, items) != items:
            view.refuse(
                page.operation.place,
                f"{page.envelope} holds {told[page.envelope]} for another list: make an envelope for each",
            )
    _page_classes(view, lists, envelopes)


def _page_classes(view: View, lists: list[_Page], envelopes: set[str]) -> None:
    """A page that shows more than its records has a class that is named after the record."""
    taken = dict.fromkeys(view.schemas.keys() - envelopes, "a component")
    for page in lists:
        items = text(mapping(page.operation.node["x-paging"]).get("items"))
        rest = view.properties(page.envelope).keys() - {items, "pagination"} if page.record else set[str]()
        for name in (f"{page.record}Page", f"{page.record}Pager") if rest else ():
            if name in taken:
                view.refuse(
                    page.operation.place,
                    f"beside its records this list has {min(rest)}, so its page would be called {name}, "
                    f"as {taken[name]} is already: give one of them another name",
                )
            taken[name] = f"the page of {page.operation.name}"


def _directions(view: View) -> None:
    written: dict[str, str] = {}
    for operation in view.operations():
        component = body(view, operation)
        for name in view.sent({component} if component else set()):
            written.setdefault(name, operation.name)
    answered: dict[str, str] = {}
    for operation in view.operations():
        for name in view.reach(view.uses(answer(view, operation))):
            answered.setdefault(name, operation.name)
    for name in sorted(written.keys() & answered.keys()):
        if view.kind(view.schemas[name]) == "object":
            view.refuse(
                pointer("components", "schemas", name),
                f"sent by {written[name]} and received by {answered[name]}: make one schema for each direction",
            )

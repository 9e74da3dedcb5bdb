"""What holds of the lint whatever stands in a spec."""

import copy
from contextlib import suppress
from pathlib import Path

from effort import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from codegen.build import build
from codegen.lint import lint
from codegen.problems import SpecError
from codegen.render import render
from codegen.spec import Spec


def places(node, place=()):
    """Every place in a document."""
    inner = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in inner:
        yield (*place, key)
        yield from places(value, (*place, key))


WORDS = st.sampled_from(
    [
        *(
            "type",
            "object",
            "array",
            "null",
            "items",
            "properties",
            "required",
            "$ref",
            "enum",
            "allOf",
            "oneOf",
            "anyOf",
        ),
        *("#/components/schemas/Order", "#/components/schemas/Day", "#", "in", "name", "query", "style", "none", "x-y"),
    ]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 10**20) | st.floats(allow_nan=False) | WORDS | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS | st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)


@settings(max_examples=examples(60))
@given(data=st.data())
def test_nothing_but_problems(edited, data):
    """Whatever stands wherever in a spec, the lint says so or is content: it never fails."""
    document = edited({})
    for _ in range(data.draw(st.integers(1, 3))):
        *way, last = data.draw(st.sampled_from(list(places(document))))
        node = document
        for key in way:
            node = node[key]
        node[last] = copy.deepcopy(data.draw(JSON))

    with suppress(SpecError):
        lint(Spec(Path("openapi/shop.yaml"), document, {}))


@settings(max_examples=examples(60))
@given(data=st.data())
def test_what_passes_is_generated(edited, data):
    """From a spec that the lint is content with come files that are Python: parts of one stand in for each other."""
    document = edited({})
    parts = [place for place in places(document) if place[0] == "components" and len(place) > 3]
    *way, last = data.draw(st.sampled_from(parts))
    node = other = document
    for key in way:
        node = node[key]
    for key in data.draw(st.sampled_from(parts)):
        other = other[key]
    node[last] = copy.deepcopy(other)
    spec = Spec(Path("openapi/shop.yaml"), document, {})

    with suppress(SpecError):
        lint(spec)
        for name, text in render(build(spec, "openapi/shop.yaml"), spec.data).items():
            if name.endswith(".py"):
                compile(text, name, "exec")

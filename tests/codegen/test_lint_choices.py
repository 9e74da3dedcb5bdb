"""What the lint says of objects that are told apart by a property."""

import pytest

SCHEMAS = "/components/schemas"
TEXT = {"type": "string"}


def ref(name):
    return {"$ref": f"#/components/schemas/{name}"}


def kind(schema=TEXT, **more):
    return {"type": "object", "required": ["kind"], "properties": {"kind": schema}, **more}


CHOICE = {
    "oneOf": [ref("Cat"), ref("Dog")],
    "discriminator": {"propertyName": "kind", "mapping": {"cat": "#/components/schemas/Cat"}},
}
EDITS = {
    f"{SCHEMAS}/Cat": kind(),
    f"{SCHEMAS}/Dog": kind(ref("Status")),
    f"{SCHEMAS}/Pet": CHOICE,
    f"{SCHEMAS}/Order/properties/pet": ref("Pet"),
}


@pytest.mark.parametrize(
    "use",
    [
        ref("Pet"),
        {"oneOf": [ref("Pet"), {"type": "null"}]},
        {"type": "array", "items": ref("Pet")},
        {"type": "object", "additionalProperties": ref("Pet")},
    ],
)
def test_what_is_fine(refused, use):
    """A choice stands at a property, alone or in one list or map, and may be null."""
    assert refused({**EDITS, f"{SCHEMAS}/Order/properties/pet": use}) == []


@pytest.mark.parametrize(
    ("schema", "below", "word"),
    [
        pytest.param({**CHOICE, "discriminator": "kind"}, "/discriminator", "must be a mapping", id="no mapping"),
        pytest.param({**CHOICE, "discriminator": {}}, "/discriminator", "propertyName must name", id="no property"),
        pytest.param(
            {**CHOICE, "discriminator": {"propertyName": "sort"}}, "/oneOf/0", "Cat must require sort", id="another"
        ),
        pytest.param(
            {**CHOICE, "discriminator": {"propertyName": "kind", "x": 1}}, "/discriminator/x", "means nothing", id="key"
        ),
        pytest.param(
            {**CHOICE, "discriminator": {"propertyName": "kind", "mapping": []}},
            "/discriminator/mapping",
            "fill it or leave it out",
            id="no values",
        ),
        pytest.param(
            {**CHOICE, "discriminator": {"propertyName": "kind", "mapping": {"a/b": "Cat"}}},
            "/discriminator/mapping/a~1b",
            "none of the members",
            id="a value for nothing",
        ),
        pytest.param({**CHOICE, "oneOf": [ref("Cat")]}, "/oneOf", "two members or more", id="one member"),
        pytest.param({**CHOICE, "oneOf": [ref("Cat"), ref("Cat")]}, "/oneOf", "each once", id="one member twice"),
        pytest.param({**CHOICE, "oneOf": [ref("Cat"), TEXT]}, "/oneOf/1", "$ref to an object", id="text"),
        pytest.param({**CHOICE, "oneOf": [ref("Cat"), ref("Status")]}, "/oneOf/1", "$ref to an object", id="an enum"),
        pytest.param({**CHOICE, "oneOf": [ref("Cat"), ref("Pet")]}, "/oneOf/1", "$ref to an object", id="itself"),
        pytest.param({**CHOICE, "oneOf": [ref("Cat"), ref("Item")]}, "/oneOf/1", "must require kind", id="no kind"),
        pytest.param({**CHOICE, "default": {}}, "", "but not `default`", id="default"),
        pytest.param({"discriminator": {}, "type": "object"}, "/discriminator", "belongs to oneOf", id="no oneOf"),
    ],
)
def test_what_cannot_be_told_apart(check_refused, schema, below, word):
    """Every member is an object that requires the property, and every value names a member."""
    check_refused({**EDITS, f"{SCHEMAS}/Pet": schema}, f"{SCHEMAS}/Pet{below}", word)


@pytest.mark.parametrize(
    ("use", "below", "word"),
    [
        pytest.param(CHOICE, "", "needs a name", id="in place"),
        pytest.param({"anyOf": [TEXT, ref("Pet")]}, "/anyOf/1", "no member of a union", id="in a union"),
        pytest.param(
            {"type": "array", "items": {"type": "array", "items": ref("Pet")}}, "", "deeper than one list", id="deep"
        ),
    ],
)
def test_where_it_cannot_stand(check_refused, use, below, word):
    """A choice is named, and is no member of another union or of a list in a list."""
    check_refused({**EDITS, f"{SCHEMAS}/Order/properties/pet": use}, f"{SCHEMAS}/Order/properties/pet{below}", word)


def test_an_answer_is_one_object(check_refused):
    """Answers and records of lists are of one class."""
    place = "/paths/~1orders~1{id}/get"
    answer = {"200": {"description": ".", "content": {"application/json": {"schema": ref("Pet")}}}}

    check_refused({**EDITS, f"{place}/responses": answer}, place, "$ref to an object component")


def test_what_may_be_absent_does_not_tell_apart(check_refused):
    """The property is required of every member."""
    check_refused(
        {**EDITS, f"{SCHEMAS}/Cat": {**kind(), "required": []}}, f"{SCHEMAS}/Pet/oneOf/0", "must require kind"
    )


def test_a_number_does_not_tell_apart(check_refused):
    """The property is text: anything else is no key of the mapping."""
    check_refused(
        {**EDITS, f"{SCHEMAS}/Dog": kind({"type": "integer"})}, f"{SCHEMAS}/Pet/oneOf/1", "as text or an enum"
    )

"""What the lint says of schemas: keywords, combinations of them, enums, names and inheritance."""

import pytest

SCHEMAS = "/components/schemas"
ORDER = f"{SCHEMAS}/Order/properties"
CREATE = f"{SCHEMAS}/OrderCreate/properties"
TEXT = {"type": "string"}
NULL = {"type": "null"}
ORDER_REF = {"$ref": "#/components/schemas/Order"}
ITEM_REF = {"$ref": "#/components/schemas/Item"}


def ref(name):
    return {"$ref": f"#/components/schemas/{name}"}


def array(items):
    return {"type": "array", "items": items}


@pytest.mark.parametrize(
    "keyword",
    [
        *("not", "if", "then", "else", "const", "patternProperties", "propertyNames", "prefixItems"),
        *("unevaluatedProperties", "unevaluatedItems", "contains", "dependentSchemas", "dependentRequired", "nullable"),
        *("$defs", "$dynamicRef", "$schema", "$id", "$anchor", "<<"),
    ],
)
def test_keywords_that_cannot_be_generated(check_refused, keyword):
    """A keyword that the generator cannot do is refused by name, with something to do instead."""
    place = f"{ORDER}/note/{keyword}"

    check_refused({place: {}}, place, f"`{keyword}` cannot be generated: ")


@pytest.mark.parametrize(
    ("schema", "below", "word"),
    [
        pytest.param(True, "", "a schema is a mapping", id="true"),
        pytest.param({"type": "string", "nulable": True}, "/nulable", "does not know the keyword", id="unknown"),
        pytest.param({"type": "string", "maxLength": "3"}, "/maxLength", "must be a whole number", id="count"),
        pytest.param({"type": "string", "maxLength": -1}, "/maxLength", "must be a whole number", id="negative count"),
        pytest.param({"type": "integer", "minimum": True}, "/minimum", "must be a number", id="number"),
        pytest.param({"type": "integer", "minimum": 1.5}, "/minimum", "must be a whole number", id="half"),
        pytest.param({"type": "string", "description": 3}, "/description", "must be text", id="text"),
        pytest.param({"type": "string", "deprecated": "x"}, "/deprecated", "true or false", id="flag"),
        pytest.param({"type": "string", "examples": "x"}, "/examples", "must be a list", id="list"),
        pytest.param({"type": "integer", "examples": [1, "x"]}, "/examples/1", "cannot be 'x'", id="example"),
        pytest.param({"type": "integer", "example": True}, "/example", "cannot be True", id="one example"),
        pytest.param({"type": "string", "examples": [None]}, "/examples/0", "cannot be None", id="null as example"),
        pytest.param({"type": {}}, "/type", "must be a type", id="type a mapping"),
        pytest.param({"type": "text"}, "/type", "is no type", id="unknown type"),
        pytest.param({"type": []}, "/type", "must be one type", id="no types"),
        pytest.param({"type": ["string", "integer"]}, "/type", "for a choice use anyOf", id="two types"),
        pytest.param({"type": ["string", "null", "null"]}, "/type", "one type, or [X, 'null']", id="two nulls"),
        pytest.param({"type": "null"}, "/type", "must be one type", id="only null"),
        pytest.param({"type": "string", "items": TEXT}, "/items", "belongs to type: array", id="items of text"),
        pytest.param({"enum": ["a"]}, "/enum", "belongs to type: string", id="enum without type"),
        pytest.param({"properties": {}}, "/properties", "belongs to type: object", id="properties without type"),
        pytest.param({"minimum": 3}, "", "give it a type", id="no type"),
        pytest.param({"type": "string", "anyOf": [TEXT]}, "", "stand side by side", id="type and anyOf"),
        pytest.param({"type": "array"}, "", "needs items", id="array without items"),
        pytest.param({"type": "array", "items": True}, "/items", "must be a schema", id="items true"),
        pytest.param(array({"type": ["string", "null"]}), "/items/type", "at a property only", id="null in a list"),
        pytest.param(array({"oneOf": [ITEM_REF, NULL]}), "/items", "at a property only", id="ref or null in a list"),
        pytest.param({"type": "number"}, "", "format: decimal", id="plain number"),
        pytest.param({"type": "number", "format": "float"}, "/format", "format: double", id="float"),
        pytest.param({"type": "integer", "format": "int64"}, "/format", "no format of a integer", id="int64"),
        pytest.param({"type": "string", "format": "email"}, "/format", "say it in the description", id="email"),
        pytest.param({**array(TEXT), "format": "x"}, "/format", "means nothing here", id="format of a list"),
        pytest.param({**array(TEXT), "default": []}, "/default", "means nothing here", id="default of a list"),
        pytest.param({"type": "string", "format": "date", "default": "x"}, "/default", "no default", id="date"),
        pytest.param({"type": "string", "format": "date-time", "default": "x"}, "/default", "no default", id="time"),
        pytest.param({"type": "number", "format": "decimal", "default": 1}, "/default", "no default", id="decimal"),
        pytest.param({"type": "string", "default": 3}, "/default", "not of the type", id="default a number"),
        pytest.param({"type": "integer", "default": True}, "/default", "not of the type", id="default a flag"),
        pytest.param({"type": "boolean", "default": 1}, "/default", "not of the type", id="default no flag"),
    ],
)
def test_single_schemas(check_refused, schema, below, word):
    """A schema that no type can be made of is refused."""
    check_refused({f"{ORDER}/note": schema}, f"{ORDER}/note{below}", word)


@pytest.mark.parametrize(
    ("schema", "below", "word"),
    [
        pytest.param({"type": "object"}, "", "an object needs a name", id="bare object"),
        pytest.param({"type": "object", "properties": {"a": TEXT}}, "", "an object needs a name", id="inline object"),
        pytest.param(array({"type": "object", "properties": {}}), "/items", "an object needs a name", id="in a list"),
        pytest.param(
            {"type": "object", "properties": {}, "additionalProperties": True},
            "/additionalProperties",
            "beside properties",
            id="both kinds of properties",
        ),
        pytest.param(
            {"type": "object", "additionalProperties": False},
            "/additionalProperties",
            "true or a schema",
            id="closed object",
        ),
        pytest.param({"type": "string", "enum": ["a"]}, "", "an enum needs a name", id="inline enum"),
        pytest.param({"allOf": [ITEM_REF]}, "", "allOf makes a class", id="allOf in place"),
        pytest.param({**ITEM_REF, "type": "object"}, "", "stand side by side", id="ref and type"),
        pytest.param({**ITEM_REF, "default": {}}, "", "but not `default`", id="ref and default"),
        pytest.param({"$ref": 3}, "/$ref", "must be text", id="ref no text"),
        pytest.param({"$ref": "#/components/parameters/Status"}, "", "a schema refers to", id="ref to a parameter"),
        pytest.param({"oneOf": [TEXT, {"type": "integer"}]}, "", "oneOf must be", id="oneOf of types"),
        pytest.param({"oneOf": [ITEM_REF, ref("Customer")]}, "", "oneOf must be", id="oneOf of refs"),
        pytest.param({"oneOf": [ITEM_REF]}, "", "oneOf must be", id="oneOf of one"),
        pytest.param({"oneOf": []}, "/oneOf", "list that is not empty", id="oneOf of none"),
        pytest.param({"oneOf": [ITEM_REF, NULL], "default": None}, "", "but not `default`", id="oneOf and default"),
        pytest.param({"oneOf": [{"$ref": []}, NULL]}, "/oneOf/0/$ref", "must be text", id="oneOf of no ref"),
        pytest.param({"anyOf": [TEXT, NULL]}, "/anyOf/1", "null is no member", id="anyOf with null"),
        pytest.param({"anyOf": [ITEM_REF, ref("Gift")]}, "/anyOf/1", "cannot be told apart", id="anyOf of objects"),
        pytest.param({"anyOf": [TEXT, array(ITEM_REF)]}, "/anyOf/1", "list or map of objects", id="anyOf with a list"),
        pytest.param({"anyOf": [TEXT, {}]}, "/anyOf/1", "must say what it is", id="anyOf with anything"),
        pytest.param({"anyOf": [{"oneOf": [ITEM_REF, NULL]}]}, "/anyOf/0", "union of unions", id="anyOf of oneOf"),
        pytest.param({"anyOf": [TEXT], "minimum": 3}, "", "but not `minimum`", id="anyOf and more"),
        pytest.param({"anyOf": [TEXT, ref("Status")]}, "", "both a text", id="two texts"),
        pytest.param({"anyOf": [ref("Day"), {"type": "integer"}]}, "", "both a text", id="two texts inside"),
        pytest.param({"anyOf": [array(TEXT), array(TEXT)]}, "", "both a list", id="two lists"),
        pytest.param(array(array(ITEM_REF)), "", "deeper than one list", id="list of lists of objects"),
        pytest.param(array(ref("Items")), "", "deeper than one list", id="list of named lists of objects"),
        pytest.param(
            {"type": "object", "additionalProperties": array(ITEM_REF)}, "", "deeper than one", id="map of lists"
        ),
    ],
)
def test_combinations(check_refused, schema, below, word):
    """What needs a name, or cannot be told apart or copied, is refused."""
    check_refused({f"{SCHEMAS}/Items": array(ITEM_REF), f"{ORDER}/note": schema}, f"{ORDER}/note{below}", word)


def test_requests_may_say_more_than_answers(refused):
    """A union of several kinds of text is fine where nothing has to be read."""
    assert refused({f"{CREATE}/remark": {"anyOf": [TEXT, ref("Day")]}, f"{SCHEMAS}/Text": ...}) == []


@pytest.mark.parametrize(
    ("values", "number", "word"),
    [
        pytest.param(["a", None], 1, "oneOf: [$ref, {type: 'null'}]", id="null"),
        pytest.param(["a", 3], 1, "in quotes", id="a number"),
        pytest.param(["a", True], 1, "in quotes", id="a flag"),
        pytest.param(["a", "a"], 1, "there twice", id="one value"),
    ],
)
def test_enums(check_refused, values, number, word):
    """An enum has texts that make different members."""
    check_refused({f"{SCHEMAS}/Status/enum": values}, f"{SCHEMAS}/Status/enum/{number}", word)


def test_empty_enum(check_refused):
    """An enum without values says nothing."""
    check_refused({f"{SCHEMAS}/Status/enum": []}, f"{SCHEMAS}/Status/enum", "not empty")


@pytest.mark.parametrize(
    ("name", "schema", "word"),
    [
        pytest.param("gift_card", {"type": "object"}, "as its class will be", id="not a class name"),
        pytest.param("2Gifts", {"type": "object"}, "as its class will be", id="a digit first"),
        pytest.param("None", {"type": "object"}, "as its class will be", id="a keyword"),
        pytest.param("Decimal", {"type": "object"}, "also imported", id="an imported class"),
        pytest.param("Orders", {"type": "object"}, "the class of the resource orders", id="a resource"),
        pytest.param("LIST", {"type": "object"}, "the constant of", id="a constant"),
        pytest.param("ListPage", {"type": "object"}, "the decoder of", id="a decoder"),
        pytest.param("AttributeError", {"type": "object"}, "imported in the generated code", id="a builtin in use"),
        pytest.param("ERROR", {"type": "object"}, "become one name in Python", id="one function for two"),
        pytest.param("OrderWire", {"type": "object"}, "also made from Order", id="a struct"),
        pytest.param("Free", {"type": "object", "additionalProperties": True}, "needs no name", id="free-form"),
        pytest.param("Same", ORDER_REF, "only points to another one", id="another name"),
        pytest.param("Maybe", {"oneOf": [ORDER_REF, NULL]}, "at a property only", id="or null"),
        pytest.param("Anything", {}, "does not say what it is", id="anything"),
        pytest.param("Deep", array(ref("Deep")), "leads back to itself", id="a circle"),
        pytest.param("Sub", {"allOf": [ref("Sub")]}, "", id="its own base"),
    ],
)
def test_components(check_refused, name, schema, word):
    """A component becomes a class of a name of its own, or nothing at all."""
    edits = {f"{SCHEMAS}/{name}": schema, f"{ORDER}/more": ref(name)}
    below = "/allOf" if name == "Sub" else ""

    check_refused(edits, f"{SCHEMAS}/{name}{below}", word)


def test_null_is_said_where_it_is_used(check_refused):
    """A component is never null by itself."""
    check_refused({f"{SCHEMAS}/Text": {"type": ["string", "null"]}}, f"{SCHEMAS}/Text/type", "at a property only")


@pytest.mark.parametrize(
    ("schema", "below", "word"),
    [
        pytest.param({"allOf": [{"type": "object"}]}, "", "put a $ref to one in it", id="no base"),
        pytest.param({"allOf": [ref("Status")]}, "/allOf/0", "is no object", id="an enum"),
        pytest.param({"allOf": [ITEM_REF, TEXT]}, "/allOf/1", "a part of allOf", id="text"),
        pytest.param({"allOf": [ITEM_REF, "x"]}, "/allOf/1", "a part of allOf", id="no schema"),
        pytest.param(
            {"allOf": [ITEM_REF, {"type": "object", "required": "x"}]}, "/allOf/1/required", "list of names", id="bad"
        ),
        pytest.param({"allOf": [ITEM_REF], "minimum": 3}, "", "but not `minimum`", id="more"),
        pytest.param(
            {"allOf": [ITEM_REF], "properties": {"price": TEXT}}, "/properties/price", "another type", id="other type"
        ),
        pytest.param(
            {"allOf": [ITEM_REF], "properties": {"name": {"type": ["string", "null"]}}},
            "/properties/name",
            "another type",
            id="null as well",
        ),
        pytest.param(
            {"allOf": [ITEM_REF, {"type": "object", "properties": {"Name": TEXT}}]},
            "/allOf/1/properties/Name",
            "both be the attribute name",
            id="one attribute",
        ),
        pytest.param({"allOf": [ITEM_REF, ref("Other")]}, "/allOf", "Item and Other have name", id="bases disagree"),
        pytest.param({"allOf": [ITEM_REF, ref("Below")]}, "/allOf", "Item and Below have name", id="a base's base"),
        pytest.param({"allOf": [ITEM_REF], "required": ["colour"]}, "/required", "not described", id="required"),
    ],
)
def test_inheritance(check_refused, schema, below, word):
    """A component inherits from objects and adds to them."""
    others = {
        "Other": {"type": "object", "properties": {"name": {"type": "integer"}}},
        "Below": {"allOf": [ref("Other")]},
    }

    check_refused(
        {f"{SCHEMAS}/Gift": schema, **{f"{SCHEMAS}/{k}": v for k, v in others.items()}}, f"{SCHEMAS}/Gift{below}", word
    )


@pytest.mark.parametrize(
    "schema",
    [
        pytest.param({"allOf": [ITEM_REF]}, id="nothing added"),
        pytest.param({"allOf": [ITEM_REF], "type": "object", "properties": {"note": TEXT}}, id="beside"),
        pytest.param({"allOf": [ITEM_REF, {"type": "object", "required": ["name"]}]}, id="required"),
        pytest.param({"allOf": [ITEM_REF], "properties": {"name": {**TEXT, "description": "Said again."}}}, id="again"),
    ],
)
def test_inheritance_that_is_fine(refused, schema):
    """What is inherited may be required, described again or left alone."""
    assert refused({f"{SCHEMAS}/Gift": schema}) == []


@pytest.mark.parametrize(
    ("properties", "wire", "word"),
    [
        pytest.param({"buyerEmail": TEXT, "buyer_email": TEXT}, "buyer_email", "the attribute buyer_email", id="case"),
        pytest.param({"class": TEXT, "class_": TEXT}, "class_", "the attribute class_", id="keyword"),
        pytest.param({"extra": TEXT, "extra_": TEXT}, "extra_", "the attribute extra_", id="reserved"),
        pytest.param({'a"b': TEXT}, 'a"b', "no quotes", id="quotes"),
        pytest.param({"a\tb": TEXT}, "a\tb", "control characters", id="control characters"),
    ],
)
def test_attributes(check_refused, properties, wire, word):
    """Every property becomes an attribute of its own."""
    place = f"{SCHEMAS}/Customer/properties"

    check_refused({place: properties, f"{SCHEMAS}/Customer/required": []}, f"{place}/{wire}", word)


def test_x_name_keeps_both(refused):
    """Where two names of the API would be one in Python, one of them is given another."""
    named = {"buyerEmail": TEXT, "buyer_email": {**TEXT, "x-name": "old_email"}}

    assert refused({f"{ORDER}/{wire}": schema for wire, schema in named.items()}) == []


@pytest.mark.parametrize(
    ("place", "schema", "below", "word"),
    [
        pytest.param(f"{ORDER}/note", {**TEXT, "x-name": "Note"}, "/x-name", "snake_case", id="x-name"),
        pytest.param(f"{ORDER}/note", {**TEXT, "x-name": "extra"}, "/x-name", "not reserved", id="x-name reserved"),
        pytest.param(f"{SCHEMAS}/Text", {**TEXT, "readOnly": True}, "/readOnly", "said of properties", id="readOnly"),
        pytest.param(f"{SCHEMAS}/Text", {**TEXT, "x-secret": True}, "/x-secret", "said of properties", id="x-secret"),
        pytest.param(f"{ORDER}/note", {**TEXT, "x-secret": "yes"}, "/x-secret", "true or false", id="x-secret no flag"),
        pytest.param(f"{ORDER}/note", {**TEXT, "readOnly": "yes"}, "/readOnly", "true or false", id="readOnly no flag"),
        pytest.param(f"{ORDER}/note", {**TEXT, "readOnly": True, "writeOnly": True}, "/writeOnly", "nobody", id="both"),
        pytest.param(
            f"{SCHEMAS}/Status",
            {**TEXT, "enum": ["m", "M"], "x-enum-varnames": ["MINUTE"]},
            "/x-enum-varnames",
            "1 names for 2 values",
            id="a name too few",
        ),
        pytest.param(
            f"{SCHEMAS}/Status",
            {**TEXT, "enum": ["m", "M"], "x-enum-varnames": ["MINUTE", "month"]},
            "/x-enum-varnames/1",
            "write it like PAST_DUE",
            id="no member",
        ),
        pytest.param(
            f"{SCHEMAS}/Status",
            {**TEXT, "enum": ["m", "M"], "x-enum-varnames": ["M", "M"]},
            "/x-enum-varnames/1",
            "its own name",
            id="one name twice",
        ),
    ],
)
def test_what_a_spec_says_of_its_own(check_refused, place, schema, below, word):
    """Extensions, and what is said of a property, stand where they mean something."""
    check_refused({place: schema}, f"{place}{below}", word)


def test_groups_name_what_is_sent(check_refused):
    """A field that only the server writes cannot be the one that is needed."""
    create = f"{SCHEMAS}/OrderCreate"
    edits = {f"{CREATE}/made": {**TEXT, "readOnly": True}, f"{create}/anyOf": [{"required": ["made"]}]}

    check_refused(edits, f"{create}/anyOf/0", "no request has it")


@pytest.mark.parametrize("wire", ["self", "class", "extra", "options", "list", "attrs", "dt", "source", "body"])
def test_reserved_names_are_fine(refused, wire):
    """Names that mean something in the generated code are no problem of the spec: they are changed."""
    assert refused({f"{ORDER}/{wire}": TEXT, f"{CREATE}/{wire}": TEXT}) == []

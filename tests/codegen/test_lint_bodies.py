"""What the lint says of bodies that need one of several fields, and of bodies with keys of other names."""

import pytest

CREATE = "/components/schemas/OrderCreate"
ORDER = "/components/schemas/Order"
EITHER = [{"required": ["note"]}, {"required": ["id"]}]


def test_a_body_may_ask_for_one_of_several_fields(check_refused):
    """Only fields that are described can be asked for."""
    check_refused({f"{CREATE}/anyOf": [{"required": ["nose"]}]}, f"{CREATE}/anyOf/0", "'nose' is asked for")


def test_an_answer_asks_for_nothing(check_refused):
    check_refused({f"{ORDER}/anyOf": EITHER}, f"{ORDER}/anyOf", "is for the body of a request")


@pytest.mark.parametrize(
    ("changes", "place", "told"),
    [
        ({"x-extra": "more"}, "x-extra", "names what additionalProperties describes"),
        ({"x-extra": "No Name", "additionalProperties": True}, "x-extra", "a name in snake_case"),
        ({"x-extra": "class", "additionalProperties": True}, "x-extra", "a name in snake_case"),
        ({"x-extra": "options", "additionalProperties": True}, "x-extra", "a name in snake_case"),
        ({"additionalProperties": True}, "additionalProperties", "additionalProperties beside properties"),
        (
            {"x-extra": "more", "additionalProperties": {"$ref": "#/components/schemas/Item"}},
            "additionalProperties",
            "further keys hold scalars",
        ),
    ],
)
def test_further_keys_of_a_body(check_refused, changes, place, told):
    """They stand beside the fields only under a name, which is that of an argument, and they are scalars."""
    check_refused({f"{CREATE}/{key}": value for key, value in changes.items()}, f"{CREATE}/{place}", told)


def test_an_answer_keeps_unknown_keys_anyway(check_refused):
    changes = {f"{ORDER}/x-extra": "more", f"{ORDER}/additionalProperties": True}

    check_refused(changes, f"{ORDER}/x-extra", "is for the body of a request")

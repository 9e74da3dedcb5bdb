"""What is looked at before a client is created, and what goes beside the body's own fields."""

import json
from datetime import date

import pytest

from pocketsflow_async import InvalidArgumentError
from pocketsflow_async._convert import encode_body
from pocketsflow_async._generated.pocketsuite.bodies.clients import ClientCreate, ClientUpdate


def sent(body: object) -> object:
    """The JSON that goes out."""
    return json.loads(encode_body("clients.create", body))


@pytest.mark.parametrize("given", [{}, {"phone": None}, {"city": "Ulm"}])
def test_a_new_client_needs_a_phone_number_or_an_address(given):
    """Both are named when both are missing; null counts as missing."""
    with pytest.raises(InvalidArgumentError, match=r"clients\.create: phone or email must be given"):
        sent(ClientCreate(name="Ada", **given))


@pytest.mark.parametrize("given", [{"phone": "+15555550100"}, {"email": "ada@example.com"}])
def test_one_of_them_is_enough(given):
    assert sent(ClientCreate(name="Ada", **given)) == {"name": "Ada", **given}


def test_a_change_needs_neither():
    assert sent(ClientUpdate(city="Ulm")) == {"city": "Ulm"}


def test_custom_fields_go_on_the_top_level():
    body = ClientCreate(
        name="Ada", email="a@example.com", birthday=date(1990, 1, 2), custom_fields={"Dog's name": "Rex"}
    )

    assert sent(body) == {"name": "Ada", "email": "a@example.com", "birthday": "1990-01-02", "Dog's name": "Rex"}


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"email": "b@example.com"}, "custom_fields: email is a field of its own"),
        ({"line1": "x"}, "custom_fields: line1 is a field of its own"),
        ({7: "x"}, "a name must be text and not empty, not 7"),
        ({"": "x"}, "a name must be text and not empty"),
        ({"size": 7}, r"custom_fields\['size'\] must be text, not 7"),
        ([("size", "7")], "custom_fields must be a mapping"),
    ],
)
def test_custom_fields_that_cannot_be_sent(fields, told):
    """A custom field never takes the place of one of the API's own."""
    with pytest.raises(InvalidArgumentError, match=told):
        sent(ClientCreate(name="Ada", email="a@example.com", custom_fields=fields))

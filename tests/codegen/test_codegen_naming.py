"""Wire names become Python names."""

import builtins
import keyword

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codegen.naming import RESERVED, class_name, constant_name, function_name, python_name


@pytest.mark.parametrize(
    ("wire", "name"),
    [
        ("_id", "id"),
        ("id", "id"),
        ("ToCountry", "to_country"),
        ("buyerEmail", "buyer_email"),
        ("cancelURL", "cancel_url"),
        ("URLOfPage", "url_of_page"),
        ("a.b-c d", "a_b_c_d"),
        ("class", "class_"),
        ("None", "none"),
        ("self", "self_"),
        ("extra", "extra_"),
        ("list", "list_"),
        ("type", "type"),
        ("2faCode", "field_2_fa_code"),
        ("", "field"),
        ("__", "field"),
        ("größe", "gr_e"),
        ("日本", "field"),
    ],
)
def test_known_names(wire, name):
    """The names of the API, and those that need care, become what we say."""
    assert python_name(wire) == name


@given(st.text())
def test_names_are_names(wire):
    """Every text becomes an identifier that is no keyword and nothing that the generated code needs."""
    name = python_name(wire)

    assert name.isidentifier()
    assert name.isascii()
    assert not keyword.iskeyword(name)
    assert name not in RESERVED
    assert not name.startswith("_")


@given(st.text())
def test_names_are_stable(wire):
    """A name that was made once stays what it is when it is made again."""
    name = python_name(wire)

    assert python_name(name) == name


@given(st.text())
def test_constants_are_names(text):
    """Every text becomes a constant; it is in capitals, so it is no keyword."""
    name = constant_name(text)

    assert name.isidentifier()
    assert name == name.upper()
    assert not keyword.iskeyword(name)
    assert constant_name(name) == name


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("customer.subscription.pause", "CUSTOMER_SUBSCRIPTION_PAUSE"),
        ("past_due", "PAST_DUE"),
        ("one-time", "ONE_TIME"),
        ("1st", "VALUE_1_ST"),
        ("", "EMPTY"),
    ],
)
def test_known_constants(text, name):
    """Enum values become members in capitals."""
    assert constant_name(text) == name


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("orders", "Orders"),
        ("subscription_offers", "SubscriptionOffers"),
        ("OrderProduct", "OrderProduct"),
        ("SEOData", "SEOData"),
    ],
)
def test_known_classes(text, name):
    """Resources and components become classes."""
    assert class_name(text) == name


@given(st.text())
def test_classes_stay_classes(text):
    """A class's name is its own class name."""
    name = class_name(text)

    assert class_name(name) == name


@given(st.text())
def test_functions_hide_nothing(text):
    """No generated function has the name of a builtin."""
    assert function_name(text) not in dir(builtins)
    assert function_name("OrderProduct") == "order_product"

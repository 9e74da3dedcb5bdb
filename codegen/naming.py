"""How the API's names become Python names. Every rule stands here."""

import builtins
import keyword
import re
import unicodedata
from collections.abc import Sequence
from itertools import count
from typing import Any

_WORDS = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|[0-9]+")
_SIGNS = {"-": ["minus"], "+": ["plus"]}

RESERVED = frozenset(
    {
        # arguments and local names of what is generated around the name
        *("self", "cls", "options", "m", "w", "x", "source"),
        # attributes of every model
        "extra",
        # modules and functions that generated modules use
        *("attrs", "dt", "many", "each", "new", "sound", "intern"),
        # builtins that generated annotations use
        *("str", "int", "float", "bool", "list", "dict", "tuple"),
    }
)
"""Names that no argument, field or function can have: they get an underscore."""

OF_CLIENTS = frozenset({"aclose", "base_url", "mode", "preview", "quota", "request", "spec_patch"})
"""Attributes of the clients, which would hide a resource of the same name."""

OF_RESOURCES = frozenset({"str", "int", "float", "bool", "dt", "models"})
"""Names in the annotations of a resource's methods, which a method of the same name would hide."""


def attribute(wire: str, told: dict[str, Any]) -> str:
    """An attribute's or argument's name: what the spec says with `x-name`, else one made from the API's."""
    return str(told.get("x-name") or python_name(wire))


def python_name(wire: str) -> str:
    """An attribute's or argument's name: `buyerEmail` is `buyer_email`, `_id` is `id`, `class` is `class_`."""
    words = _WORDS.findall(wire)
    name = "_".join(word.lower() for word in words) or "field"
    if name[0].isdigit():
        name = f"field_{name}"
    if keyword.iskeyword(name) or name in RESERVED:
        name += "_"
    return name


def class_name(text: str) -> str:
    """A class's name: `subscription_offers` is `SubscriptionOffers`."""
    return "".join(word[:1].upper() + word[1:] for word in _WORDS.findall(text))


def constant_name(text: str) -> str:
    """A constant's or enum member's name: `customer.subscription.pause` is `CUSTOMER_SUBSCRIPTION_PAUSE`.

    A sign in front is part of it, `-1` is `MINUS_1`; what has neither letters nor digits is named by its signs.
    """
    words = _WORDS.findall(text)
    if words:
        words = [*_SIGNS.get(text[:1], ()), *words]
    else:
        words = _WORDS.findall(" ".join(unicodedata.name(sign, "") for sign in text))
    name = "_".join(word.upper() for word in words) or "EMPTY"
    return f"VALUE_{name}" if name[0].isdigit() else name


def member_names(values: Sequence[str]) -> list[str]:
    """The names of an enum's members. One that another value has already gets a word or a number more."""
    found: dict[str, str] = {}
    for value in values:
        name = constant_name(value)
        if name in found and value.upper() == found[name].upper() and (value.isupper() or value.islower()):
            name = f"{'CAPITAL' if value.isupper() else 'SMALL'}_{name}"
        numbered = (f"{name}_{number}" for number in count(2))
        found[name if name not in found else next(one for one in numbered if one not in found)] = value
    return list(found)


def function_name(cls: str) -> str:
    """The name of the function that copies a class's struct: `OrderProduct` is `order_product`."""
    name = python_name(cls)
    return f"{name}_" if name in dir(builtins) else name


def codec_name(cls: str) -> str:
    """The name of the decoder of a class: `OrderProduct` has `ORDER_PRODUCT`, `URL` has `URL_`."""
    name = function_name(cls).upper()
    return f"{name}_" if name == cls else name

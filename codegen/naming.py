"""How the API's names become Python names. Every rule stands here."""

import builtins
import keyword
import re

_WORDS = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|[0-9]+")

RESERVED = frozenset(
    {
        # used by what is generated around the name
        *("self", "cls", "options", "extra", "dt", "m", "w", "x", "source"),
        *("many", "each", "new", "sound", "intern", "attrs"),
        # builtins that generated annotations use
        *("str", "int", "float", "bool", "list", "dict"),
    }
)


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
    """A constant's or enum member's name: `customer.subscription.pause` is `CUSTOMER_SUBSCRIPTION_PAUSE`."""
    name = "_".join(word.upper() for word in _WORDS.findall(text)) or "EMPTY"
    return f"VALUE_{name}" if name[0].isdigit() else name


def function_name(cls: str) -> str:
    """The name of the function that copies a class's struct: `OrderProduct` is `order_product`."""
    name = python_name(cls)
    return f"{name}_" if name in dir(builtins) else name

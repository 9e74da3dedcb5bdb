"""Which type takes more values than another, on either side of a call, and how it is spelled."""

import pytest

from codegen.diff.types import direction, spelled
from codegen.ir import Type

TEXT, WHOLE, EXACT, ANY = Type("str"), Type("int"), Type("decimal"), Type("any")
CAT, DOG = Type("model", "Cat"), Type("model", "Dog")


def several(*members, kind="union"):
    return Type(kind, args=members)


@pytest.mark.parametrize(
    ("old", "new", "answer", "request_"),
    [
        (WHOLE, Type("float"), "wider", "wider"),
        (WHOLE, EXACT, "other", "wider"),
        (EXACT, Type("float"), "other", "same"),
        (TEXT, Type("enum", "Status"), "narrower", "narrower"),
        (Type("date"), Type("datetime"), "other", "narrower"),
        (TEXT, Type("datetime"), "other", "other"),
        (TEXT, ANY, "wider", "wider"),
        (ANY, CAT, "narrower", "narrower"),
        (CAT, DOG, "other", "other"),
        (CAT, several(CAT, DOG), "wider", "wider"),
        (several(CAT, DOG), several(DOG, CAT), "same", "same"),
        (several(CAT, TEXT), several(CAT, DOG), "other", "other"),
        (CAT, several(CAT, DOG, kind="choice"), "wider", "wider"),
        (Type("list", args=(WHOLE,)), Type("list", args=(ANY,)), "wider", "wider"),
        (Type("map", args=(ANY,)), Type("map", args=(TEXT,)), "narrower", "narrower"),
        (Type("list", args=(WHOLE,)), Type("map", args=(WHOLE,)), "other", "other"),
    ],
)
def test_directions(old, new, answer, request_):
    """A type is wider if everything that was of the old one is of the new one, and the way back is the reverse."""
    reverse = {"wider": "narrower", "narrower": "wider"}
    for side, expected in (("answer", answer), ("request", request_)):
        assert direction(old, new, side) == expected
        assert direction(new, old, side) == reverse.get(expected, expected)


def test_spelling():
    """Types are told as Python writes them."""
    inner = Type("map", args=(several(EXACT, Type("file"), CAT),))

    assert spelled(Type("list", args=(inner,))) == "list[dict[str, Decimal | File | Cat]]"

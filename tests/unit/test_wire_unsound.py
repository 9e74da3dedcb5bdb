"""Values that no model may hold, and numbers that plain data cannot."""

from decimal import Decimal

import pytest
from test_wire import EXTRA, order, order_codec, orders_codec

from pocketsflow_async import APIResponseError
from pocketsflow_async._model import Source
from pocketsflow_async.models import Order


@pytest.mark.parametrize("id_", ["_id", "id"])
@pytest.mark.parametrize("extra", [*EXTRA, ',"new":' + "9" * 5_000])
@pytest.mark.parametrize("text", ["NaN", "-nan", "sNaN", "Infinity", "-inf", " NaN ", "\\u006eaN", "nan123"])
def test_an_amount_that_is_not_finite_is_refused_with_its_place(text, extra, id_):
    """Text that Python takes for a number without being one is no amount, on any road."""
    record = f'{{"{id_}":"a","product":{{"_id":"b","minPrice":"{text}"}}{extra}}}'
    places = []
    for read, body in (
        (order, record),
        (lambda body: orders_codec().decode(body.encode()), f'{{"orders":[{record}]}}'),
    ):
        with pytest.raises(APIResponseError, match="finite") as caught:
            read(body)
        places.append(caught.value.path)

    assert places == ["$.product.minPrice", "$.orders[0].product.minPrice"]


def test_an_amount_may_come_as_text():
    """Text that is a number is one, with every digit."""
    assert order('{"_id":"a","grossAmount":"29.990"}').gross_amount.compare_total(Decimal("29.990")) == 0


@pytest.mark.parametrize("extra", EXTRA)
def test_free_data_that_is_nested_too_deeply_is_refused_with_its_place(extra):
    """What could be read but not copied, pickled or shown is refused; a hundred levels are not too many."""

    def nested(depth: int) -> str:
        return '{"_id":"a","metadata":' + '{"a":' * depth + "1" + "}" * depth + extra + "}"

    assert len(str(order(nested(99)).metadata)) > 500
    with pytest.raises(APIResponseError, match="too deeply") as caught:
        order(nested(600))
    assert caught.value.path == "$.metadata"


@pytest.mark.parametrize("depth", [600, 100_000])
def test_an_unknown_field_that_is_nested_too_deeply_is_refused_when_asked_for(depth):
    """The known fields are read all the same."""
    source = Source(b'{"_id":"a","new":' + b"[" * depth + b"]" * depth + b"}")
    found = Order(id="a", extra=source)

    with pytest.raises(APIResponseError, match="cannot be read"):
        _ = found.extra
    assert found == Order(id="a")


def test_a_number_too_long_for_plain_data_hides_no_other_place():
    """The place that is wrong is told, not the long number beside it."""
    with pytest.raises(APIResponseError) as caught:
        orders_codec().decode(b'{"data":[{"id":"a","currency":5,"new":' + b"9" * 5_000 + b"}]}")

    assert caught.value.path == "$.orders[0].currency"


@pytest.mark.parametrize(
    "value", [{"id": "a", "metadata": {"x": 10**5_000}}, {"id": "a", "new": object()}, {"id": "a", 5: object}]
)
def test_plain_data_that_no_json_holds_is_refused(value):
    """Plain data may hold more than JSON can; that is an error of ours too."""
    with pytest.raises(APIResponseError, match="not JSON"):
        order_codec().from_plain(value)

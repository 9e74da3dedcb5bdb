import copy
import gc
import weakref
from decimal import Decimal

import attrs
import pytest
from fakes import pickled

from pocketsflow_async import APIResponseError, models
from pocketsflow_async._generated.pocketsflow.wire.orders import LIST_PAGE, ORDER
from pocketsflow_async._model import Source
from pocketsflow_async._wire import Codec
from pocketsflow_async.models import Order, OrderProduct, PaymentType, ProductFile, ProductType

FILE = b'{"name":"f","new":1}'
BODY = b'{"_id":"a","new":{"b":[1]},"product":{"_id":"p","new":2,"files":[{"name":"e"},' + FILE + b"]}}"


@pytest.fixture
def order() -> Order:
    """An order with unknown fields on three levels."""
    return ORDER.decode(BODY)


def test_unknown_fields_are_kept_on_every_level(order):
    """A model, a model inside it and a list of models each keep what their class does not know."""
    assert order.extra == {"new": {"b": [1]}}
    assert order.product.extra == {"new": 2}
    assert [file.extra for file in order.product.files] == [{}, {"new": 1}]


def test_extra_is_worked_out_once(order):
    """The unknown fields are the same object each time."""
    assert order.extra is order.extra


def test_without_unknown_fields_extra_is_empty():
    """A model whose fields are all known, or that was made by hand, has nothing in `extra`."""
    assert ORDER.decode(b'{"_id":"a"}').extra == {}
    assert ORDER.decode(b'{"id":"a"}').extra == {}
    assert Order(id="a").extra == {}


def test_extra_can_be_given():
    """A model made by hand may carry unknown fields."""
    assert Order(id="a", extra={"new": 1}).extra == {"new": 1}


def test_extra_does_not_show_or_count(order):
    """Unknown fields neither flood the repr nor make models differ."""
    assert "extra" not in repr(order)
    assert attrs.evolve(order, extra=None) == order


@pytest.mark.parametrize(
    "duplicate",
    [
        pytest.param(copy.copy, id="copy"),
        pytest.param(copy.deepcopy, id="deepcopy"),
        pytest.param(pickled, id="pickle"),
        pytest.param(attrs.evolve, id="evolve"),
    ],
)
@pytest.mark.parametrize("looked", [False, True], ids=["before extra", "after extra"])
def test_copies_keep_everything(order, duplicate, looked):
    """Copies equal their model and have the same unknown fields, whether these were looked at before or not."""
    if looked:
        _ = order.extra, order.product.extra

    found = duplicate(order)

    assert found == order
    assert found.extra == {"new": {"b": [1]}}
    assert found.product.extra == {"new": 2}
    assert [file.extra for file in found.product.files] == [{}, {"new": 1}]


def test_changes_keep_extra(order):
    """`attrs.evolve` changes a field and keeps the unknown ones."""
    changed = attrs.evolve(order, currency="EUR")

    assert (changed.currency, changed.extra) == ("EUR", {"new": {"b": [1]}})


def test_models_can_be_changed_and_not_extended(order):
    """Fields can be set; a slip in a name is an error."""
    order.currency = "usd"

    with pytest.raises(AttributeError):
        order.curency = "usd"


def test_a_model_does_not_keep_its_page():
    """A record holds its own JSON text at most, so that one kept record does not keep the bytes of its page."""
    filler = b'{"_id":"b","new":"' + b"x" * 10_000 + b'"}'
    page = LIST_PAGE.decode(b'{"orders":[' + BODY + b"," + filler + b"]}")
    source = page.items[0]._extra

    assert isinstance(source, Source)
    assert source.way()[0] == BODY
    assert page.items[0].product._extra.way()[0] is source.way()[0]
    assert not [held for held in gc.get_referents(source) if isinstance(held, bytes) and len(held) > len(BODY)]


def test_a_model_that_is_wholly_known_keeps_nothing():
    """Without unknown fields no JSON text stays behind."""
    order = Codec(ORDER.wire, ORDER.opened, ORDER.build).decode(b'{"_id":"a","product":{"_id":"p"}}')

    assert order._extra is None
    assert order.product._extra is None


def test_an_unknown_field_that_cannot_be_read_is_told_when_it_is_looked_at():
    """Unknown fields are read late; what is wrong with them is an APIResponseError even then."""
    body = b'{"_id":"a","new":' + b"[" * 101 + b"]" * 101 + b"}"
    order = ORDER.decode(body)

    with pytest.raises(APIResponseError, match="does not know") as caught:
        _ = order.extra

    assert caught.value.body == body
    assert order.id == "a"


def test_models_are_small():
    """Models have slots, and no place for weak references."""
    with pytest.raises(TypeError):
        weakref.ref(Order(id="a"))
    assert not hasattr(Order(id="a"), "__dict__")


UNKNOWN = ProductType("hologram")


def test_an_unknown_enum_value_keeps_its_text():
    """A value that the spec does not know parses, and is its text in every respect."""
    read = ORDER.decode(b'{"_id":"a","product":{"_id":"p","type":"hologram"}}').product.type

    for value in (UNKNOWN, read):
        assert isinstance(value, ProductType)
        assert value == "hologram"
        assert value == ProductType("hologram")
        assert hash(value) == hash("hologram")
        assert (str(value), value.value, value.name) == ("hologram", "hologram", "hologram")
        assert f"{value}" == "hologram"
        assert {value: 1}["hologram"] == 1


@pytest.mark.parametrize("value", [UNKNOWN, ProductType.SUBSCRIPTION])
def test_enum_values_are_copied_and_pickled(value):
    """Known and unknown values come through copies and pickles."""
    for found in (copy.copy(value), copy.deepcopy(value), pickled(value)):
        assert isinstance(found, ProductType)
        assert found == value
        assert found.value == value.value
    assert repr(value).startswith("<ProductType.")


def test_known_enum_values_equal_their_text():
    """Enums compare and hash as their text, so plain strings work beside them."""
    assert ProductType.SUBSCRIPTION == "subscription"
    assert hash(ProductType.SUBSCRIPTION) == hash("subscription")
    assert ProductType("subscription") is ProductType.SUBSCRIPTION


def test_unknown_values_do_not_join_the_list():
    """Iterating the enum gives the known values only, and values of two enums are apart from each other."""
    assert "hologram" not in list(ProductType)
    assert isinstance(PaymentType("hologram"), PaymentType)
    assert not isinstance(PaymentType("hologram"), ProductType)


@pytest.mark.parametrize("value", [5, None, b"hologram", ["a"]])
def test_only_text_is_an_enum_value(value):
    """What is no text stays an error."""
    with pytest.raises(ValueError, match="is not a valid ProductType"):
        ProductType(value)


def test_the_models_are_found_by_name():
    """`pocketsflow_async.models` gives every model, enum and body, and says so."""
    assert models.Order is Order
    assert {"Order", "OrderProduct", "ProductCreate", "ProductType", "Pagination"} <= set(dir(models))
    assert all(isinstance(getattr(models, name), type) for name in dir(models))
    with pytest.raises(AttributeError, match="Nonsense"):
        _ = models.Nonsense


def test_models_are_made_by_keyword():
    """Only what is certain has to be given."""
    product = OrderProduct(id="p", price=Decimal(5), files=[ProductFile(name="f")])

    assert (product.id, product.price, product.currency) == ("p", Decimal(5), None)
    with pytest.raises(TypeError):
        OrderProduct(price=Decimal(5))

"""A small spec of hard things: its output is kept beside it, compared, imported and used."""

import asyncio
import datetime as dt
import importlib
import sys
import warnings
from decimal import Decimal
from pathlib import Path

import pytest
import yaml

import pocketsflow_async._generated as generated
from codegen.__main__ import main
from codegen.annotations import copied
from codegen.ir import Field, Model, Type
from pocketsflow_async import RequestOptions, RetryPolicy
from pocketsflow_async._convert import encode_body, make_converter
from pocketsflow_async._drift import Drift
from pocketsflow_async._executor import Executor
from pocketsflow_async._page import Page
from pocketsflow_async._response import Response
from pocketsflow_async._unset import UNSET
from pocketsflow_async._upload import Form
from pocketsflow_async._wire import CODECS
from pocketsflow_async.errors import APIResponseError, InvalidArgumentError

GOLDEN = Path(__file__).parent / "golden"
HARD = "pocketsflow_async._generated.hard"

BOX = b"""{
  "_id": "b1", "class": "a.b-c", "date": "2024-01-31", "datetime": "2024-01-31T12:00:00Z", "Decimal": 0.10,
  "attrs": "x", "list": ["1st", "new"], "dict": {"a": 1}, "self": true, "extra": "e", "options": ["o"], "a.b": 1.5,
  "gr\xc3\xb6\xc3\x9fe": 3, "1st": "one", "inner": [{"_id": "b2", "class": "", "unknown": 1}],
  "lid": {"name": "s", "pitch": 0.5, "turns": 3, "size": 1.20}, "parts": {"p": {"kind": "none"}},
  "notes": [{"text": "t", "box": {"_id": "b3", "class": "class"}, "reply": null, "by": {"me": ["x"]}}],
  "counts": {"a": 2}, "either": ["a", "b"], "anything": {"at": "all"}, "later": [1],
  "bag": [1, "a"], "named": {"a": []}
}"""


@pytest.fixture
def hard(monkeypatch):
    """Imports modules of the committed output."""
    monkeypatch.setattr(generated, "__path__", [*generated.__path__, str(GOLDEN / "expected")])
    yield lambda name: importlib.import_module(f"{HARD}.{name}")
    for name in [name for name in sys.modules if name == HARD or name.startswith(f"{HARD}.")]:
        del sys.modules[name]
    vars(generated).pop("hard", None)
    for reference in [one for one in CODECS if one.startswith(f"{HARD}.")]:
        del CODECS[reference]


CAGE = b"""{
  "pet": {"petType": "cat", "lives": 7, "colour": "red",
    "hunts": [{"petType": "Dog"}, {"petType": "eel", "long": 1.50}]},
  "others": [{"petType": "lion"}], "named": {"rex": {"petType": "Dog", "name": "Rex", "kind": "new"}}
}"""


class Caller:
    """Keeps what it is called with."""

    def __init__(self):
        self.seen = []

    async def call(self, operation, **given):
        self.seen.append((operation, given))
        return Page(items=[])


def test_output_is_as_committed(tmp_path):
    """The generator's output for the hard spec is, byte for byte, what is committed.

    After a wanted change of the generator, write it anew and look at the difference:
    `python -m codegen --specs tests/codegen/golden --out tests/codegen/golden/expected`
    """
    out = tmp_path / "expected"

    assert main(["--specs", str(GOLDEN), "--out", str(out)]) == 0

    assert contents(out) == contents(GOLDEN / "expected")


def test_deep_objects_are_not_copied_wrongly():
    """Should objects in lists of lists ever pass the lint, the generator stops rather than copy them halfway."""
    deep = Type("list", args=(Type("list", args=(Type("model", "Box"),)),))
    field = Field(name="boxes", wire="boxes", type=deep, required=True, nullable=False, doc="")

    with pytest.raises(NotImplementedError, match=r"Shelf\.boxes: models deeper than one list"):
        copied(field, Model(name="Shelf", doc="", fields=(field,), role="answer", module="shelves"))


def contents(folder: Path):
    return {
        str(path.relative_to(folder)): path.read_text(encoding="utf-8")
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_every_module_can_be_imported(hard):
    """Each module of the output can be the first one to be imported."""
    for path in sorted((GOLDEN / "expected" / "hard").rglob("*.py")):
        name = ".".join(path.relative_to(GOLDEN / "expected" / "hard").with_suffix("").parts)
        hard(name.removesuffix(".__init__"))
        for other in [one for one in sys.modules if one.startswith(f"{HARD}.")]:
            del sys.modules[other]


def test_every_model_is_behind_the_door(hard):
    """All models, enums and bodies can be had from one module, which says what it has."""
    models = hard("models")

    assert {"Box", "BoxCreate", "Class", "LabelPage", "Screw"} <= set(models.__all__) <= set(dir(models))
    assert [getattr(models, name).__name__ for name in models.__all__] == models.__all__
    with pytest.raises(AttributeError, match="no attribute 'BoxPage'"):
        _ = models.BoxPage


def test_hard_answers_are_read(hard):
    """Reserved names, odd enums, recursion, maps of models and unknown fields come out of the bytes as they should."""
    models = hard("models")

    box = hard("wire.common").BOX.decode(BOX)

    assert (box.id, box.class_, box.date, box.decimal) == (
        "b1",
        models.Class.A_B_C,
        dt.date(2024, 1, 31),
        Decimal("0.10"),
    )
    assert box.datetime == dt.datetime(2024, 1, 31, 12, tzinfo=dt.UTC)
    assert box.list_ == ["1st", "new"]
    assert box.list_[0] is models.Class.VALUE_1_ST
    assert (box.dict_, box.self_, box.extra_, box.options_, box.attrs_) == ({"a": 1}, True, "e", ["o"], "x")
    assert (box.a_b, box.gr_e, box.field_1_st) == (1.5, 3, "one")
    assert (box.counts, box.either, box.anything) == ({"a": 2}, ["a", "b"], {"at": "all"})
    assert (box.bag, box.named) == ([1, "a"], {"a": []})
    assert box.extra == {"later": [1]}
    assert box.inner[0].class_ is models.Class.EMPTY
    assert box.inner[0].extra == {"unknown": 1}
    assert box.lid == models.Screw(name="s", pitch=0.5, turns=3, size=Decimal("1.20"))
    assert box.parts == {"p": models.Part(kind=models.Class.NONE)}
    assert box.notes == [models.Note(text="t", box=models.Box(id="b3", class_=models.Class.CLASS), by={"me": ["x"]})]


def test_strict_answers_are_read(hard):
    """An answer without unknown fields takes the fast road and gives the same."""
    wire, models = hard("wire.common"), hard("models")

    shelf = wire.SHELF.decode(b'{"next": {"boxes": {"a": {"_id": "1", "class": "class", "lid": null}}}}')

    assert shelf == models.Shelf(next=models.Shelf(boxes={"a": models.Box(id="1", class_=models.Class.CLASS)}))
    assert shelf.next.boxes["a"].extra == {}


def test_inherited_fields_are_required(hard):
    """What a subclass requires is required, and what it inherits is checked."""
    screw = hard("wire.common").SCREW

    with pytest.raises(APIResponseError, match="name"):
        screw.decode(b'{"pitch": 1}')
    with pytest.raises(APIResponseError, match=r"\$\.size"):
        screw.decode(b'{"name": "s", "pitch": 1, "size": "wide"}')


def test_wrapped_answers_are_unwrapped(hard):
    """An object under one of the keys of x-unwrap is found."""
    screw = hard("wire.common").SCREW

    assert screw.decode(b'{"data": {"name": "s", "pitch": 1}}').name == "s"


def test_pages_are_read(hard):
    """All four styles of list give pages, with what stands beside the records."""
    boxes, notes = hard("wire.boxes"), hard("wire.notes")
    page = boxes.LIST_PAGE.decode(
        b'{"list": [{"_id": "1", "class": "class"}], "pagination": {"currentPage": 1, "hasMore": true}}'
    )

    assert ([box.id for box in page.items], page.has_more, page.pagination.current_page) == (["1"], True, 1)
    assert len(boxes.SEARCH_PAGE.decode(b'{"list": []}')) == 0
    assert [
        note.text for note in notes.LIST_PAGE.decode(b'[{"text": "t", "box": {"_id": "1", "class": ""}}]').items
    ] == ["t"]
    labels = notes.LABELS_PAGE.decode(b'{"labels": [{"text": "l"}], "usedBy": {"l": 3}, "later": 1}')
    assert isinstance(labels, hard("models").LabelPage)
    assert (labels.items[0].text, labels.used_by) == ("l", {"l": 3})


def test_bodies_are_written(hard):
    """A body is written under the API's names; what was not given is left out, null is sent."""
    models = hard("models")
    label = models.LabelCreate(text="l", class_="odd")

    body = models.BoxCreate(
        to=["a", "b"],
        class_=models.Class.A_B_C,
        label=label,
        body=None,
        price=Decimal("1.10"),
        until=dt.date(2024, 1, 31),
    )

    assert encode_body("boxes.create", body) == (
        b'{"to":["a","b"],"class":"a.b-c","label":{"text":"l","class":"odd"},"body":null,"price":1.10,'
        b'"until":"2024-01-31"}'
    )
    assert encode_body("boxes.create", models.BoxCreate(to="a", class_="x", label=label, labels=[label])) == (
        b'{"to":"a","class":"x","label":{"text":"l","class":"odd"},"labels":[{"text":"l","class":"odd"}]}'
    )
    with pytest.raises(InvalidArgumentError, match=r"boxes\.create: to must be text or a list"):
        encode_body("boxes.create", models.BoxCreate(to=3, class_="x", label=label))


def test_models_go_to_plain_data_and_back(hard):
    """The converter gives a model's plain data under the API's names, and takes it back."""
    models, converter = hard("models"), make_converter()
    box = hard("wire.common").BOX.decode(BOX)

    plain = converter.unstructure(box)

    assert (plain["_id"], plain["class"], plain["größe"], plain["later"]) == ("b1", "a.b-c", 3, [1])
    assert converter.structure(plain, models.Box) == box


def test_methods_call(hard):
    """Methods pass ids in the order of the path, parameters under the API's names and bodies as bodies."""
    caller = Caller()
    resources = hard("resources").Resources(caller)
    label = hard("models").LabelCreate(text="l")

    async def use():
        await resources.boxes.part("b", "p")
        await resources.boxes.create(to="a", class_="x", label=label, body="text")
        await resources.boxes.list(class_="x", options_=["o"], params="2024-01-31")
        await resources.boxes.search(page=2, page_size=5, class_="y")
        await resources.notes.labels()

    asyncio.run(use())

    part, create, listed, search, labels = caller.seen
    assert part[0].target(part[1]["ids"]) == "/boxes/b/parts/p"
    body = create[1]["body"]
    assert (body.to, body.class_, body.label, body.body, body.price) == ("a", "x", label, "text", UNSET)
    assert create[0].idempotency == "key"
    assert listed[1]["params"] == {"class": "x", "options": ["o"], "params": "2024-01-31"}
    assert search[1]["body"] == {"page": 2, "pageSize": 5, "class": "y"}
    assert (labels[0].auth, part[0].auth) == (False, True)


class Transport:
    """Answers every request with the same body, and keeps what it was sent."""

    def __init__(self, body):
        self.body = body
        self.seen = []

    async def send(self, request):
        self.seen.append(request)
        return Response(200, {}, self.body)

    async def aclose(self):
        pass


@pytest.fixture
def ask(hard):
    """Makes calls through the executor; gives what the last one answered, and the requests."""

    def ask(body, call):
        transport = Transport(body)
        resources = hard("resources").Resources(Executor(transport, None, RetryPolicy()))
        return asyncio.run(call(resources)), transport.seen

    return ask


def test_objects_told_apart_are_read(hard, ask):
    """Each object becomes the class that its property names, with what its class does not know; no kind is lost."""
    models = hard("models")

    cage, _ = ask(CAGE, lambda api: api.cages.get())

    eel = {"petType": "eel", "long": Decimal("1.50")}
    assert cage.pet == models.Cat(pet_type="cat", lives=7, hunts=[models.Dog(pet_type="Dog"), eel])
    assert cage.pet.extra == {"colour": "red"}
    assert (cage.guest, cage.open) == (None, None)
    assert cage.others == [models.Cat(pet_type="lion")]
    assert cage.named == {"rex": models.Dog(pet_type="Dog", name="Rex", kind=models.Class("new"))}
    assert make_converter().structure(make_converter().unstructure(cage), models.Cage) == cage


@pytest.mark.parametrize(
    ("body", "place"),
    [
        pytest.param(b'{"pet": 3}', "$.pet", id="no object"),
        pytest.param(b'{"pet": null}', "$.pet", id="null"),
        pytest.param(b"{}", "$", id="absent"),
        pytest.param(b'{"pet": {"petType": "cat", "lives": "x"}}', "$.pet.lives", id="a field"),
        pytest.param(
            b'{"pet": {"petType": "cat", "hunts": [{"petType": "x"}, {"petType": "cat", "lives": []}]}}',
            "$.pet.hunts[1].lives",
            id="inside of another",
        ),
        pytest.param(b'{"pet": {"petType": "x"}, "named": {"a": {"petType": "cat"}, "b": 1}}', "$.named.b", id="map"),
        pytest.param(b'{"pet": {"petType": "Dog", "size": "NaN"}}', "$.pet.size", id="not finite"),
    ],
)
def test_objects_told_apart_are_checked(ask, body, place):
    """What is not as the spec says is an error with the whole way to it, through objects that are told apart."""
    with pytest.raises(APIResponseError) as caught:
        ask(body, lambda api: api.cages.get())

    assert caught.value.path == place
    assert caught.value.body == body


def test_objects_told_apart_are_compared_with_the_spec(hard):
    """`strict="warn"` looks into them by the class that they have."""
    drift = Drift()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        drift.look(hard("wire.common").CAGE, CAGE)

    seen = yaml.safe_load(drift.patch())["components"]["schemas"]
    assert seen == {
        "Cat": {"properties": {"colour": {"type": "string", "x-stability": "observed"}}},
        "Class": {"enum": ["new"]},
    }


def test_objects_told_apart_are_sent(hard, ask):
    """A body takes any of the classes; defaults are the server's: what was not given is not sent."""
    models = hard("models")

    _, (request,) = ask(CAGE, lambda api: api.cages.fill(pet=models.NewDog(pet_type="NewDog", name=None)))

    assert request.body == b'{"pet":{"petType":"NewDog","name":null}}'
    assert request.headers["Idempotency-Key"]


def test_defaults_are_the_servers(ask):
    """A parameter with a default is sent when it is given and only then; the docstring tells the default."""
    _, (plain,) = ask(CAGE, lambda api: api.cages.get())
    _, (given,) = ask(CAGE, lambda api: api.cages.get(size=3))

    assert (plain.target, given.target) == ("/cages", "/cages?size=3")


def test_headers_and_files_are_sent(hard, ask):
    """Header parameters are arguments beside the headers of the options; a file goes out as a form."""
    models = hard("models")

    async def call(api):
        options = RequestOptions(headers={"X-Trace-ID": "old", "X-More": "more"}, idempotency_key="k")
        moment = dt.datetime(2024, 1, 31, tzinfo=dt.UTC)
        return await api.boxes.picture(
            "b1", if_class=models.Class.A_B_C, file=b"picture", x_trace_id="t", x_seen=moment, options=options
        )

    answer, (request,) = ask(b'{"message": "ok"}', call)

    assert answer.message == "ok"
    assert request.headers == {
        "X-Trace-Id": "t",
        "X-More": "more",
        "If-Class": "a.b-c",
        "X-Seen": "2024-01-31T00:00:00Z",
        "Idempotency-Key": "k",
    }
    assert (request.target, isinstance(request.body, Form)) == ("/boxes/b1/picture", True)


def test_headers_that_are_not_given_are_not_sent(ask):
    """A header without a value does not go out, on a list as little as on a call."""

    async def call(api):
        await api.notes.list(limit=3)
        await api.notes.list(accept_language="de", limit=3)

    _, (plain, asked) = ask(b"[]", call)

    assert (plain.headers, asked.headers) == ({}, {"Accept-Language": "de"})
    assert plain.target == asked.target == "/notes?limit=3&offset=0"


def test_headers_are_checked(ask):
    """A value that no header can carry is refused before anything is sent, with its place."""
    with pytest.raises(InvalidArgumentError, match=r"notes\.list: the header Accept-Language must be printable"):
        ask(b"[]", lambda api: api.notes.list(accept_language="de\r\nX: y").collect())


def test_a_recursive_answer_is_read_to_its_end(ask):
    """Schemas that hold themselves are read as deep as the answer goes."""
    body = b'{"next": ' * 50 + b'{"boxes": {}}' + b"}" * 50

    shelf, _ = ask(body, lambda api: api.shelves.get("s"))

    for _ in range(50):
        shelf = shelf.next
    assert shelf.boxes == {}

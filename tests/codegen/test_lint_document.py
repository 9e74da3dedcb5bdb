"""What the lint says of a document as a whole, and how it says it."""

from pathlib import Path

import pytest
import yaml

from codegen.lint import lint
from codegen.problems import SpecError
from codegen.spec import Spec, load

SCHEMAS = "/components/schemas"
LIST = "/paths/~1orders/get"


@pytest.mark.parametrize(
    ("edits", "place", "word"),
    [
        pytest.param(
            {f"{SCHEMAS}/Order/properties/status": {"$ref": "#/components/schemas/Statsu"}},
            f"{SCHEMAS}/Order/properties/status/$ref",
            "did you mean Status?",
            id="points nowhere",
        ),
        pytest.param(
            {f"{LIST}/parameters/2": {"$ref": "#/components/parameters/X"}},
            f"{LIST}/parameters/2/$ref",
            "points nowhere: add the component",
            id="parameter nowhere",
        ),
        pytest.param(
            {f"{SCHEMAS}/Order/properties/status": {"$ref": "other.yaml#/Status"}},
            f"{SCHEMAS}/Order/properties/status/$ref",
            "inside the document",
            id="another file",
        ),
        pytest.param(
            {f"{SCHEMAS}/Order/properties/status": {"$ref": "#/components/schemas/Item/properties/name"}},
            f"{SCHEMAS}/Order/properties/status/$ref",
            "inside a component",
            id="inside a component",
        ),
        pytest.param(
            {"/components/parameters/Status": {"$ref": "#/components/parameters/Status"}},
            f"{LIST}/parameters/2/$ref",
            "back to itself",
            id="a circle",
        ),
        pytest.param(
            {"/paths/~1orders": {"$ref": "#/paths/~1customers"}},
            "/paths/~1orders/$ref",
            "cannot be a reference",
            id="a path",
        ),
        pytest.param({f"{SCHEMAS}/Lonely": {"type": "object"}}, f"{SCHEMAS}/Lonely", "unused", id="unused schema"),
        pytest.param(
            {f"{SCHEMAS}/Lonely": {"type": "object", "properties": {"a": {"$ref": "#/components/schemas/Lonely"}}}},
            f"{SCHEMAS}/Lonely",
            "unused",
            id="schema used by itself",
        ),
        pytest.param(
            {"/components/responses/X": {"description": "."}}, "/components/responses/X", "unused", id="response"
        ),
        pytest.param({"/tags/1": {"name": "orders"}}, "/tags/1", "two tags", id="two tags"),
        pytest.param({"/openapi": "3.0.3"}, "/openapi", "not OpenAPI 3.1", id="another version"),
        pytest.param({"/info/title": ...}, "/info", "is a required property", id="no title"),
        pytest.param({"/paths": []}, "/paths", "is not of type", id="paths a list"),
        pytest.param({"/components": []}, "/components", "is not of type", id="components a list"),
        pytest.param({f"{LIST}/tags": {"a" * 100: "b" * 100}}, f"{LIST}/tags", "… ", id="a long message is cut"),
    ],
)
def test_documents(check_refused, edits, place, word):
    """A document that is no OpenAPI 3.1, or has loose ends, is refused."""
    check_refused(edits, place, word)


def test_webhooks_use_schemas(refused):
    """A schema that only a webhook leads to is used."""
    body = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Event"}}}}
    post = {"summary": "Paid.", "x-stability": "observed", "x-sources": ["docs"], "requestBody": body}
    edits = {f"{SCHEMAS}/Event": {"type": "object"}, "/webhooks": {"paid": {"post": post}}}

    assert refused(edits) == []


def test_data_is_not_searched_for_references(refused):
    """What looks like a reference in an example is none; a property may be called as a keyword."""
    odd = {"type": "object", "additionalProperties": True, "examples": [{"$ref": "nowhere"}]}
    edits = {f"{SCHEMAS}/Order/properties/{name}": odd for name in ("default", "enum", "examples", "properties")}

    assert refused(edits) == []
    assert refused({f"{SCHEMAS}/Order/properties/default": {"$ref": "#/components/schemas/Nothing"}})


def test_file_names_become_packages(refused):
    """A file whose name is no Python name is refused."""
    assert ["the file's name" in one.reason for one in refused({}, "2-shop.yaml")] == [True]
    assert refused({}, "my-shop.yaml") == []


def test_all_mistakes_in_one_run(refused):
    """Mistakes of every kind are told at once, in the order of the file, none twice."""
    edits = {
        f"{LIST}/summary": "No stop",
        f"{LIST}/parameters/0/in": "cookie",
        f"{LIST}/deprecated": "yes",
        f"{SCHEMAS}/Order/properties/status/$ref": "#/components/schemas/Nothing",
        f"{SCHEMAS}/Order/properties/rating": {"type": "number"},
        f"{SCHEMAS}/Customer/properties/ID": {"type": "string"},
        f"{SCHEMAS}/Lonely": {"type": "object"},
    }

    problems = refused(edits)

    assert {
        f"{LIST}/summary",
        f"{LIST}/parameters/0",
        f"{LIST}/deprecated",
        f"{SCHEMAS}/Order/properties/status/$ref",
        f"{SCHEMAS}/Order/properties/rating",
        f"{SCHEMAS}/Customer/properties/ID",
        f"{SCHEMAS}/Lonely",
    } <= {one.pointer for one in problems}
    assert problems == sorted(set(problems))


def test_problems_print_as_places(refused):
    """A problem prints as file, line, place and reason, so that editors can jump there."""
    (problem,) = refused({"/tags/1": {"name": "orders"}})

    assert str(problem) == f"openapi/shop.yaml:{problem.line}: /tags/1: there are two tags 'orders': keep one of them"
    assert str(SpecError([problem])) == str(problem)


@pytest.mark.parametrize(
    ("text", "line", "word"),
    [
        pytest.param("", 1, "is a mapping", id="empty"),
        pytest.param("- a\n", 1, "is a mapping", id="a list"),
        pytest.param("a: 1\nb: [\n", 3, "not YAML", id="no yaml"),
        pytest.param("a: *b\n", 1, "undefined alias", id="unknown alias"),
        pytest.param("a: 1\nb: 2\na: 3\n", 3, "stands twice", id="a key twice"),
        pytest.param("a: &a [*a]\n", 1, "nested too deeply", id="an alias inside itself"),
        pytest.param("a: " + "[" * 2000 + "]" * 2000, 1, "nested too deeply", id="too deep"),
        pytest.param("? [a]\n: 1\n", 1, "a key is text", id="a list as key"),
        pytest.param("a: 1\nb: .nan\n", 2, "no JSON value", id="not a number"),
        pytest.param("a: .inf\n", 1, "no JSON value", id="infinite"),
        pytest.param("a: 2024-13-45\n", 1, "no JSON value", id="no date"),
        pytest.param("a: 010\n", 1, "no JSON value", id="eight or ten"),
        pytest.param("a: " + "1" * 5000, 1, "1… is no JSON value", id="a number too long"),
        pytest.param("a: &a {x: 1}\nb:\n  <<: *a\n", 3, "merge keys are not read", id="merge key"),
        pytest.param("a: 1\n---\nb: 1\n", 2, "another document", id="two documents"),
        pytest.param("a: !!int x\n", 1, "no JSON value", id="no integer"),
        pytest.param("a: !!binary aGk=\n", 1, "no JSON value", id="bytes"),
        pytest.param("a: !mine x\n", 1, "no JSON value", id="unknown tag"),
    ],
)
def test_files_that_cannot_be_read(tmp_path, text, line, word):
    """A file that holds no mapping of JSON values is refused with its line."""
    path = tmp_path / "shop.yaml"
    path.write_text(text)

    with pytest.raises(SpecError, match=word) as caught:
        load(path)

    assert caught.value.problems[0].line == line


@pytest.mark.parametrize("loader", ["SafeLoader", "CSafeLoader"])
@pytest.mark.parametrize("text", ["a: " + "[" * 500 + "]" * 500, "- " * 100_000 + "a"], ids=["flow", "block"])
def test_every_loader_says_too_deep_in_our_words(tmp_path, monkeypatch, loader, text):
    """A file that is nested too deeply is refused before YAML's loader recurses into it."""
    if not hasattr(yaml, loader):
        pytest.skip("PyYAML was built without libyaml")
    monkeypatch.setattr("codegen.loading._Loader", getattr(yaml, loader))
    path = tmp_path / "shop.yaml"
    path.write_text(text)

    with pytest.raises(SpecError, match="nested too deeply") as caught:
        load(path)

    assert caught.value.problems[0].line == 1


def test_aliases_do_not_multiply(tmp_path):
    """A small file whose aliases would become millions of nodes is refused before they do."""
    ten = "[" + ", ".join(["{}"] * 10) + "]"
    lines = [
        "a0: &a0 " + ten.replace("{}", "x"),
        *(f"a{n}: &a{n} {ten.replace('{}', f'*a{n - 1}')}" for n in range(1, 9)),
    ]
    path = tmp_path / "shop.yaml"
    path.write_text("\n".join(lines))

    with pytest.raises(SpecError, match="its aliases expand to more than 100,000 nodes"):
        load(path)


def test_aliases_are_followed(tmp_path):
    """An alias stands for what its anchor holds."""
    path = tmp_path / "shop.yaml"
    path.write_text("a: &a {x: [1]}\nb: *a\n")

    assert load(path).data == {"a": {"x": [1]}, "b": {"x": [1]}}


def test_scalars_are_those_of_yaml_1_2(tmp_path):
    """What only YAML 1.1 takes for a flag or number is text, as OpenAPI has it; numbers of JSON are numbers."""
    path = tmp_path / "shop.yaml"
    path.write_text("a: [no, On, y, 1:30, 1_000, 0b1, true, FALSE, 1e3, 1.5E-3, -0, 0x1F, ~, '12', \"yes\"]")

    assert load(path).data == {
        "a": ["no", "On", "y", "1:30", "1_000", "0b1", True, False, 1000.0, 0.0015, 0, 31, None, "12", "yes"]
    }


def test_files_that_are_not_there(tmp_path):
    """A missing or unreadable file is a problem like any other."""
    with pytest.raises(SpecError, match="cannot be read: No such file"):
        load(tmp_path / "shop.yaml")
    (tmp_path / "latin.yaml").write_bytes(b"a: \xff")
    with pytest.raises(SpecError, match="not YAML"):
        load(tmp_path / "latin.yaml")


def test_dates_stay_text(tmp_path):
    """What YAML takes for a date is text in JSON, and so is it here."""
    path = tmp_path / "shop.yaml"
    path.write_text("a: 2024-01-31\nb: 2024-01-31T12:00:00Z\n3: x\n")

    assert load(path).data == {"a": "2024-01-31", "b": "2024-01-31T12:00:00Z", "3": "x"}


def test_what_is_nested_too_deeply(edited):
    """A document that cannot be walked to its end is refused, not given up on."""
    deep = {"type": "string"}
    for _ in range(600):
        deep = {"type": "array", "items": deep}

    with pytest.raises(SpecError, match="nested too deeply"):
        lint(Spec(Path("openapi/shop.yaml"), edited({f"{SCHEMAS}/Order/properties/note": deep}), {}))


@pytest.mark.parametrize(
    ("change", "word"),
    [
        pytest.param({"summary": "Paid"}, "full stop", id="no sentence"),
        pytest.param({"x-stability": "sure"}, "x-stability", id="stability"),
        pytest.param({"x-sources": []}, "x-sources", id="sources"),
        pytest.param({"x-aliases": [7]}, "x-aliases", id="aliases"),
        pytest.param({"x-aliases": ["paid"]}, "another event", id="one name twice"),
        pytest.param({"requestBody": {"content": {}}}, "requestBody", id="no payload"),
    ],
)
def test_webhooks_say_what_they_are(refused, change, word):
    """An event has a sentence, a source, how sure it is, names of its own and a named payload."""
    body = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Event"}}}}
    post = {"summary": "Paid.", "x-stability": "observed", "x-sources": ["docs"], "requestBody": body, **change}
    found = refused({f"{SCHEMAS}/Event": {"type": "object"}, "/webhooks": {"paid": {"post": post}}})

    assert any(word in one.reason and one.pointer.startswith("/webhooks/paid") for one in found)


def test_a_webhook_is_a_post(refused):
    """A webhook that is anything but one POST is refused."""
    found = refused({"/webhooks": {"paid": {"get": {}}}})

    assert any("a post and nothing else" in one.reason for one in found)

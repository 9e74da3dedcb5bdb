"""`python -m codegen diff` and `api`: which revision, what is reported, and which breaks fail the build."""

import json
import os
import shutil
import subprocess

import pytest

from codegen.__main__ import main
from codegen.diff.change import Change, bump, worst
from codegen.diff.command import ROOT
from codegen.diff.declared import declared, undeclared

ORDER = "/components/schemas/Order/properties"
CLIENT = '''"""A client."""

from pocketsflow_async._client import Client

__all__ = ["Client"]
'''
METHODS = '''"""The client."""


class Client:
    """It."""

    def __init__(self, key: str{arguments}) -> None:
        """Open."""

    def close(self, *, hard: bool = {hard}) -> None:
        """Close."""
{more}'''


@pytest.fixture
def repository(tmp_path, write, edited):
    """A repository with the valid spec and a package of one class, committed."""

    class Repository:
        root = tmp_path

        def git(self, *words):
            who = ["-c", "user.name=A", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false"]
            env = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
            done = subprocess.run(["git", *who, *words], cwd=tmp_path, check=True, capture_output=True, env=env)  # noqa: S603, S607 - a scratch repository
            return done.stdout.decode().strip()

        def spec(self, edits, name="shop.yaml"):
            write(edited(edits), name)

        def package(self, arguments="", hard="False", more=""):
            folder = tmp_path / "pocketsflow_async"
            folder.mkdir(exist_ok=True)
            (folder / "__init__.py").write_text(CLIENT)
            (folder / "_client.py").write_text(METHODS.format(arguments=arguments, hard=hard, more=more))

        def commit(self, *tags):
            self.git("add", "-A")
            self.git("commit", "-q", "-m", "x", "--allow-empty")
            for tag in tags:
                self.git("tag", tag)

    one = Repository()
    one.git("init", "-q", "-b", "main")
    one.spec({})
    one.package()
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "x"\nversion = "0.3.1"\n')
    one.commit()
    return one


@pytest.fixture
def run(repository, capsys):
    """Runs a command on the repository; returns its status, what it printed and what it complained of."""

    def run(*words, root=None):
        status = main([words[0], "--root", str(root or repository.root), *words[1:]])
        told = capsys.readouterr()
        return status, told.out, told.err

    return run


def test_nothing_changed(run):
    """Where nothing changed the report says so, and the status is 0."""
    status, out, _ = run("diff")

    assert status == 0
    assert "the last commit" in out
    assert "Nothing that users of the package could notice." in out


def test_the_report(run, repository):
    """Changes stand under what they mean, with a version and lines for the change log."""
    repository.spec({f"{ORDER}/paid": ..., f"{ORDER}/total": {"type": "integer"}})

    status, out, _ = run("diff")

    assert status == 0
    assert out.index("## Breaking (1)") < out.index("| `Order.paid` | was removed | removed | shop |")
    assert "| `Order.total` | was added (`int`) | added | shop |" in out
    assert "A minor release: 0.4.0 after 0.3.1; it is 0.3.1 now." in out
    assert "- Breaking: `Order.paid` was removed.\n- `Order.total` was added (`int`).\n" in out


def test_the_report_for_programs(run, repository):
    """The same as JSON, in a file."""
    repository.spec({f"{ORDER}/paid": ...})

    assert run("diff", "--json", "--out", str(repository.root / "report.json"))[:2] == (0, "")

    told = json.loads((repository.root / "report.json").read_text())
    assert told["changes"] == [
        {"api": "shop", "where": "Order.paid", "kind": "removed", "level": "breaking", "text": "was removed"}
    ]
    assert told["version"] == {"then": "0.3.1", "now": "0.3.1", "bump": "minor", "suggested": "0.4.0"}
    assert told["changelog"] == "- Breaking: `Order.paid` was removed.\n"


@pytest.mark.parametrize(("level", "status"), [("breaking", 0), ("behaviour", 0), ("addition", 1)])
def test_a_status_on_request(run, repository, level, status):
    """Only `--fail-on` makes changes a failure: of that level or worse."""
    repository.spec({f"{ORDER}/total": {"type": "integer"}})

    assert run("diff", "--fail-on", level)[0] == status


def test_which_revision(run, repository):
    """The last release; else where the branch left main; else the last commit; or whatever is asked for."""
    repository.git("switch", "-q", "-c", "topic")
    repository.spec({f"{ORDER}/total": {"type": "integer"}})
    repository.commit()
    assert "where this branch left main" in run("diff")[1]
    assert "Order.total" in run("diff")[1]

    repository.git("tag", "v0.3.1")
    repository.spec({f"{ORDER}/total": {"type": "integer"}, f"{ORDER}/more": {"type": "integer"}})
    repository.commit()
    assert "since v0.3.1" in run("diff")[1]
    assert "Order.total" not in run("diff")[1]
    assert "Order.total" in run("diff", "HEAD~2")[1]


@pytest.mark.parametrize("ref", ["nowhere", "--help-me", "HEAD:openapi", "a b", "", "HEAD^{tree}"])
def test_no_such_revision(run, ref):
    """A revision that does not exist is one line, not a traceback."""
    status, out, complaint = run("diff", "--", ref)

    assert (status, out) == (2, "")
    assert "is no revision of this repository" in complaint
    assert complaint.count("\n") == 1


def test_no_repository(run, tmp_path_factory):
    """Without a repository there is nothing to compare: an error for one who asks, none for a build."""
    empty = tmp_path_factory.mktemp("empty")

    assert "no git repository" in run("diff", root=empty)[2]
    assert run("api", root=empty) == (0, "This is no git repository: there is no release to compare with.\n", "")


def test_a_spec_that_is_refused_today(run, repository):
    """A spec of the past that today's rules refuse is compared all the same, and the report says so."""
    repository.spec({"/paths/~1orders/get/summary": "No stop"})
    repository.commit()
    repository.spec({f"{ORDER}/paid": ...})

    status, out, _ = run("diff", "HEAD")

    assert status == 0
    assert "> shop.yaml is compared although today's rules refuse it: 1 problem(s)" in out
    assert "| `Order.paid` | was removed |" in out


@pytest.mark.parametrize("content", ["a: [", "openapi: 3.1.0"])
def test_a_spec_that_cannot_be_read(run, repository, content):
    """A spec of the past that nothing can be made of is named, and the others are compared."""
    repository.spec({}, "other.yaml")
    (repository.root / "openapi" / "shop.yaml").write_text(content)
    repository.commit()
    repository.spec({})
    repository.spec({f"{ORDER}/paid": ...}, "other.yaml")

    status, out, _ = run("diff", "HEAD")

    assert status == 0
    assert "> shop.yaml" in out
    assert "not compared" in out
    assert "## Breaking (1)" in out


def test_a_bad_spec_of_today(run, repository):
    """A spec that is refused now is told as the generator tells it."""
    repository.spec({"/paths/~1orders/get/summary": "No stop"})

    status, out, complaint = run("diff")

    assert (status, out) == (2, "")
    assert complaint.startswith("openapi/shop.yaml:")


def test_a_whole_spec_is_new(run, repository):
    """A spec that was not there is one addition, and one that is gone is one break."""
    repository.spec({}, "other.yaml")
    assert "| `other` | was added: 5 operations, " in run("diff")[1]
    repository.commit()
    (repository.root / "openapi" / "other.yaml").unlink()
    assert "| `other` | was removed: 5 operations, " in run("diff")[1]


SIGNATURES = {
    "gone": ({}, "def close", "def shut", "Client.close", "removed", "breaking"),
    "private now": ({}, "def close", "def _close", "Client.close", "removed", "breaking"),
    "argument gone": ({}, "*, hard: bool = False", "", "Client.close(hard)", "removed", "breaking"),
    "argument must": ({"arguments": ", *, mode: str"}, "", "", "Client(mode)", "added", "breaking"),
    "argument may": ({"arguments": ", *, mode: str = ''"}, "", "", "Client(mode)", "added", "addition"),
    "default": ({"hard": "True"}, "", "", "Client.close(hard)", "default", "behaviour"),
    "method": ({"more": "\n    def open(self) -> None: ...\n"}, "", "", "Client.open", "added", "addition"),
}


@pytest.mark.parametrize("case", SIGNATURES)
def test_the_public_api_is_compared(run, repository, case):
    """What the package's own code gives users is compared by name and signature, private modules by their door."""
    given, old, new, where, kind, level = SIGNATURES[case]
    repository.package(**given)
    path = repository.root / "pocketsflow_async" / "_client.py"
    path.write_text(path.read_text().replace(old, new) if old else path.read_text())

    told = json.loads(run("diff", "--json")[1])["changes"]

    found = [(one["where"], one["kind"], one["level"]) for one in told]
    assert (where, kind, level) in found
    assert len([one for one in found if one[2] != "addition"]) <= 1
    assert {one["api"] for one in told} == {"pocketsflow_async"}


def test_a_private_thing_may_change(run, repository):
    """What no public name leads to is no part of the API."""
    (repository.root / "pocketsflow_async" / "_hidden.py").write_text("def gone(a):\n    pass\n")
    repository.commit()
    (repository.root / "pocketsflow_async" / "_hidden.py").unlink()

    assert "Nothing that users" in run("diff", "HEAD")[1]


def test_generated_code_is_told_once(run, repository, edited):
    """A change of the spec shows in the generated code too, and is told once: by the spec."""
    shutil.rmtree(repository.root / "pocketsflow_async")
    shutil.copytree(ROOT / "pocketsflow_async", repository.root / "pocketsflow_async")
    shutil.rmtree(repository.root / "pocketsflow_async" / "_generated")
    out = str(repository.root / "pocketsflow_async" / "_generated")
    generate = ["--specs", str(repository.root / "openapi"), "--out", out]
    assert main(generate) == 0
    repository.commit("v0.3.1")
    over = [one.get("name") for one in edited({})["paths"]["/customers"]["get"]["parameters"]].index("over")
    repository.spec({
        f"{ORDER}/paid": ...,
        "/paths/~1orders~1{id}/get/x-method": "fetch",
        "/paths/~1orders~1{id}/get/operationId": "orders.fetch",
        f"/paths/~1customers/get/parameters/{over}/name": "above",
        "/components/schemas/OrderCreate/properties/buyerEmail": ...,
        "/components/schemas/OrderCreate/required": [],
        "/components/schemas/OrderCreate/properties/note": {"type": "string"},
    })  # fmt: skip
    assert main(generate) == 0
    run("diff")

    told = json.loads(run("diff", "--json")[1])["changes"]

    assert sorted((one["where"], one["kind"]) for one in told) == [
        ("Order.paid", "removed"),
        ("customers.list(over)", "renamed"),
        ("orders.create(buyer_email)", "removed"),
        ("orders.create(note)", "added"),
        ("orders.get", "renamed"),
    ]
    # The generator alone can break too: a generated method that is gone while the spec still has it.
    path = repository.root / "pocketsflow_async" / "_generated" / "shop" / "operations" / "orders.py"
    path.write_text(path.read_text().replace("async def create(", "async def make("))
    assert "| `orders.create` | was removed | removed | shop |" in run("diff")[1]


def test_before_the_first_release_nothing_can_break(run, repository):
    """Without a tag nothing was promised, and the check says so instead of comparing."""
    repository.spec({f"{ORDER}/paid": ...})

    assert run("api") == (0, "Nothing is released yet (no tag), so nothing can break.\n", "")


def test_a_shallow_clone_says_what_it_lacks(run, repository, tmp_path_factory):
    """A clone without its history cannot know the last release: it says how to get it, and does not fail."""
    repository.commit("v0.3.1")
    repository.commit()
    clone = tmp_path_factory.mktemp("clone") / "x"
    repository.git("clone", "-q", "--depth=1", "--no-tags", f"file://{repository.root}", str(clone))

    status, out, _ = run("api", root=clone)

    assert status == 0
    assert "git fetch --unshallow --tags" in out
    assert "git fetch --unshallow --tags" in run("diff", "v0.3.1", root=clone)[2]


DECLARED = {
    "not at all": ("", 1),
    "by its name": ("- Breaking: `Order.paid` went.\n", 0),
    "by what it is in": ("- Breaking: nobody used `Order`, which lost\n  a field.\n", 0),
    "by another name": ("- Breaking: `Order.total` went.\n", 1),
    "without quotes": ("- Breaking: Order.paid went.\n", 1),
    "without the word": ("- Removed `Order.paid`.\n", 1),
    "in an older section": ("\n## 0.3.1\n\n- Breaking: `Order.paid` went.\n", 1),
}


@pytest.mark.parametrize("case", DECLARED)
def test_a_break_must_be_declared(run, repository, case):
    """A break since the last release fails the check, unless the newest section of the change log owns up to it."""
    repository.commit("v0.3.1")
    repository.spec({f"{ORDER}/paid": ...})
    text, status = DECLARED[case]
    (repository.root / "CHANGELOG.md").write_text(f"# Changes\n\n## 0.4.0 (not released)\n\n{text}")

    found, out, complaint = run("api")

    assert found == status
    assert ("each declared in CHANGELOG.md" in out) == (status == 0)
    assert ("- Breaking: `Order.paid` was removed.\n" in complaint) == (status == 1)


def test_additions_need_no_declaration(run, repository):
    """Only breaks are asked for."""
    repository.commit("v0.3.1")
    repository.spec({f"{ORDER}/total": {"type": "integer"}, f"{ORDER}/rating": {"type": "integer"}})

    assert run("api")[0] == 0


def test_names_of_arguments_are_in_their_method():
    """An argument is declared by itself, by its method or by its resource."""
    change = Change("shop", "orders.list(page)", "removed", "breaking", "was removed")

    assert change.names == ("orders.list.page", "orders.list", "orders")
    for name in ("orders.list(page)", "orders.list", "orders"):
        assert undeclared([change], {name}) == []
    assert undeclared([change], {"list", "order", "page"}) == [change]


def test_our_own_change_log_can_be_read():
    """The rule finds the newest section of the real change log."""
    assert isinstance(declared(ROOT / "CHANGELOG.md"), set)
    assert declared(ROOT / "nothing.md") == set()


@pytest.mark.parametrize(
    ("version", "level", "expected"),
    [
        ("0.3.1", "breaking", ("minor", "0.4.0")),
        ("0.3.1", "behaviour", ("minor", "0.4.0")),
        ("0.3.1", "addition", ("patch", "0.3.2")),
        ("1.2.3", "breaking", ("major", "2.0.0")),
        ("1.2.3", "behaviour", ("minor", "1.3.0")),
        ("1.2.3", "addition", ("minor", "1.3.0")),
        ("1.2", None, ("none", "1.2.0")),
    ],
)
def test_the_version_that_changes_ask_for(version, level, expected):
    """Before 1.0 a minor version may break, after it only a major one."""
    assert bump(version, level) == expected
    assert worst([]) is None

"""`python -m codegen`: what it writes, what `--check` says, and what it leaves behind."""

import re
import runpy
import subprocess
import sys
from pathlib import Path

import jinja2
import pytest

from codegen.__main__ import ROOT, main
from codegen.render import _environment
from codegen.write import replace

SCHEMAS = "/components/schemas"


@pytest.fixture
def spec(write, edited):
    """Writes the valid spec with some edits."""
    return lambda edits=None, name="shop.yaml": write(edited(edits or {}), name)


@pytest.fixture
def run(tmp_path, capsys):
    """Runs the command on the folder of the spec; returns its status, what it printed and what it complained of."""

    def run(*options):
        status = main([*options, "--specs", str(tmp_path / "openapi"), "--out", str(tmp_path / "out")])
        told = capsys.readouterr()
        return status, told.out.splitlines(), told.err

    return run


def contents(folder: Path):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_committed_code_is_up_to_date(capsys):
    """What is committed is what the spec and the generator give."""
    assert main(["--check"]) == 0
    assert capsys.readouterr().out == ""


def test_everything_is_missing_at_first(run, spec, tmp_path):
    """Without a generated tree every file is missing: the check says so, and writes nothing."""
    spec()

    status, told, complaint = run("--check")

    assert status == 1
    assert "out/shop/models/orders.py (missing)" in told
    assert "not up to date: run `python -m codegen`" in complaint
    assert not (tmp_path / "out").exists()


def test_what_is_written_is_up_to_date(run, spec):
    """After the command the check is content, and the command has nothing more to do; it says what it did."""
    spec()

    status, told, _ = run()

    assert status == 0
    assert "wrote out/shop/models/orders.py" in told
    assert told[-1] == "out is up to date"
    assert run("--check") == (0, [], "")
    assert run() == (0, ["out is up to date"], "")


def test_what_is_removed_is_told(run, spec, tmp_path):
    """A file that is generated no more is removed, and named."""
    spec()
    run()
    (tmp_path / "out" / "shop" / "old.py").write_text("")

    assert run() == (0, ["removed out/shop/old.py", "out is up to date"], "")


@pytest.mark.parametrize(
    ("word", "advice"), [("dif", "did you mean diff?"), ("generate", "there are diff, api, drift, or none to generate")]
)
def test_unknown_commands(capsys, word, advice):
    """A command that there is not is one line with the nearest one, and the status 2."""
    assert main([word]) == 2
    assert capsys.readouterr().err == f"{word!r} is no command: {advice}\n"


def test_help_lists_the_commands(capsys):
    """`--help` names the commands that compare."""
    with pytest.raises(SystemExit):
        main(["--help"])

    assert re.findall(r"^  (diff|api|drift) ", capsys.readouterr().out, re.MULTILINE) == ["diff", "api", "drift"]


def test_stale_missing_and_left_over(run, spec, tmp_path):
    """The check names every file that differs, and how."""
    spec()
    run()
    out = tmp_path / "out" / "shop"
    (out / "bodies" / "orders.py").unlink()
    (out / "old.py").write_text("")
    (out / "__pycache__").mkdir()
    (out / "__pycache__" / "old.pyc").write_text("")
    spec({f"{SCHEMAS}/Customer/properties/name": {"type": "string"}})

    status, told, _ = run("--check")

    assert status == 1
    assert told == [
        "out/shop/bodies/orders.py (missing)",
        "out/shop/models/customers.py (stale)",
        "out/shop/old.py (left over)",
        "out/shop/openapi.json (stale)",
        "out/shop/wire/customers.py (stale)",
    ]


def test_one_field_changes_one_schema(run, spec, tmp_path):
    """A new field changes the files of its schema and no others, and the model has it."""
    spec()
    run()
    before = contents(tmp_path / "out")
    spec({f"{SCHEMAS}/Customer/properties/firstName": {"type": "string"}})

    assert run()[0] == 0

    after = contents(tmp_path / "out")
    assert {name for name in after if after[name] != before[name]} == {
        "shop/models/customers.py",
        "shop/openapi.json",
        "shop/wire/customers.py",
    }
    assert (
        b'first_name: str | None = attrs.field(default=None, metadata={"json": "firstName"})'
        in after["shop/models/customers.py"]
    )


def test_a_removed_schema_takes_its_files_along(run, spec, tmp_path):
    """When a resource and its schemas go, so do their files."""
    spec()
    run()
    order = f"{SCHEMAS}/Order/properties/customer"
    spec({"/paths/~1customers": ..., order: ..., f"{SCHEMAS}/Customer": ...})

    assert run()[0] == 0

    assert not [name for name in contents(tmp_path / "out") if "customers" in name]
    assert b"Customer" not in contents(tmp_path / "out")["shop/models/__init__.py"]


def test_a_bad_spec_changes_nothing(run, spec, tmp_path):
    """A spec that is refused leaves the tree as it was, and says how many problems there are."""
    spec()
    run()
    before = contents(tmp_path)
    path = spec({"/paths/~1orders/get/summary": "No stop", f"{SCHEMAS}/Lonely": {"type": "object"}})
    refused = path.read_bytes()

    status, told, complaint = run()

    assert (status, told) == (1, [])
    assert "openapi/shop.yaml:" in complaint
    assert "2 problem(s): nothing was written" in complaint
    assert contents(tmp_path) == {**before, "openapi/shop.yaml": refused}


@pytest.fixture
def spoil(monkeypatch):
    """Breaks a part of the generator and says with which error it will end."""

    def fail(*_):
        raise OSError(28, "No space left on device", "out/shop/a.py")

    def spoil(part):
        if part == "text":
            monkeypatch.setattr("codegen.__main__.render", lambda *_: {"a.py": "x = 1\ndef :"})
            return "shop/a.py:2: this is not Python (invalid syntax: 'def :'): mend the template that wrote it"
        if part == "formatter":
            done = subprocess.CompletedProcess([], 2, "", "no such rule\n at all")
            monkeypatch.setattr("codegen.write.subprocess.run", lambda *_, **__: done)
            return "ruff could not format the generated files: no such rule at all"
        if part == "disk":
            monkeypatch.setattr("codegen.__main__.differences", fail)
            return "out/shop/a.py: No space left on device"
        broken = jinja2.DictLoader({"models.py.jinja": TEMPLATE_MISTAKES[part][0]})
        monkeypatch.setattr(
            "codegen.render.jinja2.FileSystemLoader", lambda _: jinja2.ChoiceLoader([broken, TEMPLATES])
        )
        _environment.cache_clear()
        return TEMPLATE_MISTAKES[part][1]

    yield spoil
    _environment.cache_clear()


TEMPLATES = jinja2.FileSystemLoader(ROOT / "codegen" / "templates")
DOCSTRING = '"""Models."""'
TEMPLATE_MISTAKES = {
    "template": (f"{DOCSTRING}\n{{% if %}}", "codegen/templates/models.py.jinja:2: Expected an expression"),
    "name": (f"{DOCSTRING}\n{{{{ nothing }}}}", "codegen/templates/models.py.jinja: 'nothing' is undefined"),
    "template's text": (f"{DOCSTRING}\nclass :\n", "shop/models/customers.py:6: this is not Python"),
}


@pytest.mark.parametrize("part", ["text", "formatter", "disk", *TEMPLATE_MISTAKES])
def test_a_failure_changes_nothing(run, spec, tmp_path, spoil, part):
    """A broken template, formatter or disk is told in one line, and leaves the old tree whole and no rubbish."""
    spec()
    run()
    spec({f"{SCHEMAS}/Customer/properties/firstName": {"type": "string"}})
    before = contents(tmp_path)

    reason = spoil(part)

    status, told, complaint = run()

    assert (status, told) == (1, [])
    assert complaint.startswith(reason)
    assert complaint.endswith("; nothing was written\n")
    assert complaint.count("\n") == 1
    assert contents(tmp_path) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["openapi", "out"]


def test_a_tree_that_cannot_be_moved(tmp_path):
    """When the new tree cannot take its place, the old one goes back to it."""
    old = tmp_path / "out"
    old.mkdir()
    (old / "a.py").write_text("old")
    left_over = tmp_path / ".out-old"
    left_over.mkdir()

    with pytest.raises(FileNotFoundError):
        replace(tmp_path / "nothing", old)

    assert contents(tmp_path) == {"out/a.py": b"old"}


def test_a_first_tree_that_cannot_be_moved(tmp_path):
    """Where there was no tree before, a failure leaves none."""
    with pytest.raises(FileNotFoundError):
        replace(tmp_path / "nothing", tmp_path / "out")

    assert list(tmp_path.iterdir()) == []


def test_the_module_is_the_command(monkeypatch, tmp_path, capsys):
    """`python -m codegen` ends with the command's status."""
    monkeypatch.setattr(sys, "argv", ["codegen", "--specs", str(tmp_path)])
    monkeypatch.delitem(sys.modules, "codegen.__main__")

    with pytest.raises(SystemExit, match="1"):
        runpy.run_module("codegen", run_name="__main__")

    assert "there is no spec" in capsys.readouterr().err


def test_no_specs(run, tmp_path):
    """A folder without specs is a mistake, not a reason to remove everything."""
    (tmp_path / "openapi").mkdir()

    status, told, complaint = run()

    assert (status, told) == (1, [])
    assert "there is no spec" in complaint


def test_two_specs(run, spec, tmp_path):
    """Every spec in the folder becomes a package of its own name."""
    spec()
    spec({"/info/title": "Other"}, "other-shop.yaml")

    assert run()[0] == 0

    assert {name.split("/")[0] for name in contents(tmp_path / "out")} == {"__init__.py", "shop", "other_shop"}


def in_another_process(folder: Path, seed: str, *options: str):
    return subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-m", "codegen", "--specs", "../openapi", "--out", "../out", *options],
        cwd=folder,
        env={"PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("seed", ["0", "1", "4242"])
def test_the_same_bytes_everywhere(spec, run, tmp_path, seed):
    """The seed of Python's hashes, and the folder it is run in, change nothing."""
    spec()
    run()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()

    done = in_another_process(elsewhere, seed, "--check")

    assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)


def test_the_same_words_everywhere(write, edited, tmp_path):
    """The seed of Python's hashes does not change what is said of a bad spec."""
    data = edited({"/paths/~1orders/get/deprecated": 3, "/paths/~1orders/get/tags": 3})
    data["paths"]["/orders"]["get"] |= {"a": 1, "b": 2, "c": 3}
    for name in ("pagination", "total", "more"):
        data["components"]["schemas"]["OrderPage"]["properties"][name] = {"$ref": "x", "x": 1, "y": 2, "nullable": True}
    write(data)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()

    told = {in_another_process(elsewhere, seed).stderr for seed in ("0", "1", "4242")}

    assert len(told) == 1
    assert "problem(s): nothing was written" in told.pop()

import asyncio
import os
import re
import sys
from pathlib import Path

from pocketsflow_async.sandbox import Sandbox

ROOT = Path(__file__).parent.parent.parent
README = (ROOT / "README.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


async def test_the_first_example_runs_as_it_stands() -> None:
    """The example that opens the README is 20 lines and runs, here against the sandbox."""
    example = blocks("python")[0]
    async with Sandbox(orders=120) as sandbox:
        env = {**os.environ, "POCKETSFLOW_API_KEY": "pk_test_sandbox", "POCKETSFLOW_BASE_URL": sandbox.url}
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-W", "error", "-c", example, env=env, stdout=-1, stderr=-1
        )
        out, err = await process.communicate()

    assert len(example.splitlines()) == 20
    assert (process.returncode, err.decode()) == (0, "")
    lines = out.decode().splitlines()
    assert len(lines) == 122
    assert lines[0].endswith(" 50 True")
    assert lines[-1].startswith("404")


def test_every_example_is_python() -> None:
    """No code block in the README has a slip that a compiler would see."""
    for example in blocks("python"):
        compile(example, "README.md", "exec")


def test_there_are_exactly_two_commands() -> None:
    """One command runs the main job, one passes the tests; CI runs the second."""
    commands = blocks("sh")

    assert len(commands) == 2
    assert all(len(command.splitlines()) == 1 for command in commands)
    assert "pocketsflow export --sandbox" in commands[0]
    assert commands[1].strip().endswith("nox")
    assert "README.md" in (ROOT / ".ci" / "run").read_text()


def test_links_between_documents_lead_somewhere() -> None:
    """Every relative link in the documents points to a file that exists."""
    for document in [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]:
        for target in re.findall(r"\]\(([^)#:]+)\)", document.read_text()):
            assert (document.parent / target).exists(), f"{document.name}: {target}"


def test_no_hand_written_module_is_longer_than_400_lines() -> None:
    """Over 400 lines a module is two modules."""
    folders = ("pocketsflow_async", "codegen")
    long = [
        (path.name, len(path.read_text().splitlines()))
        for folder in folders
        for path in (ROOT / folder).rglob("*.py")
        if "_generated" not in path.parts and len(path.read_text().splitlines()) > 400
    ]

    assert long == []

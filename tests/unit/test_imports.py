import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

import pocketsflow_async

ROOT = Path(pocketsflow_async.__file__).parent
OF_THE_NETWORK = {"_transport.py", "_sending.py", "_body.py", "_failures.py", "_webhook_handler.py", "__init__.py"}
"""Two modules send with aiohttp, one reads bodies, one its errors, one answers with it; `__init__` imports none."""
FILES = sorted(ROOT.rglob("*.py"))
GENERATED = ROOT / "_generated"

IMPORT_EACH_FIRST = """
import importlib, sys
import aiohttp, aiohttp.web, backoff, cattrs, msgspec
for name in {names}:
    for loaded in [loaded for loaded in sys.modules if loaded.partition(".")[0] == "pocketsflow_async"]:
        del sys.modules[loaded]
    try:
        importlib.import_module(name)
    except Exception as exc:
        raise RuntimeError(name) from exc
"""


def module(path: Path) -> str:
    """The name under which a file is imported."""
    return ".".join(path.relative_to(ROOT.parent).with_suffix("").parts).removesuffix(".__init__")


def loaded_by(statement: str) -> set[str]:
    """The modules that are loaded after a statement in a fresh interpreter."""
    script = f"{statement}\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(  # noqa: S603 - our own code
        [sys.executable, "-W", "error", "-c", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{statement}:\n{done.stderr}"
    return set(json.loads(done.stdout))


def test_importing_the_package_is_light():
    """The import loads neither the network nor converters nor models: these come with the first use."""
    loaded = loaded_by("import pocketsflow_async")

    assert not loaded & {"aiohttp", "asyncio", "cattrs", "msgspec", "backoff", "yarl", "rich", "ssl", "email"}
    heavy = [name for name in loaded if name.startswith("pocketsflow_async._generated.pocketsflow.")]
    assert heavy == ["pocketsflow_async._generated.pocketsflow.resources"]


def test_making_a_client_is_light():
    """A client that was not used yet has loaded no more, except what names its resources."""
    loaded = loaded_by("import pocketsflow_async as p\npf = p.Pocketsflow('pk_test_a')\npf.orders.list(page=2)")

    assert not loaded & {"aiohttp", "cattrs", "msgspec", "backoff"}
    assert not [name for name in loaded if ".wire." in name or ".models." in name or ".bodies." in name]


def test_a_model_loads_only_its_own_resource():
    """Importing one model does not load those of all other resources."""
    loaded = loaded_by("from pocketsflow_async.models import Webhook")

    assert "pocketsflow_async._generated.pocketsflow.models.webhooks" in loaded
    assert "pocketsflow_async._generated.pocketsflow.models.orders" not in loaded


@pytest.mark.once
def test_each_module_can_be_imported_first():
    """No module needs another one of ours to be imported before it."""
    loaded_by(IMPORT_EACH_FIRST.format(names=[module(path) for path in FILES]))


def test_the_public_names_are_declared_and_true():
    """`__all__` is sorted, has no name twice, and each of its names is there."""
    names = pocketsflow_async.__all__

    assert len(names) == len(set(names))
    assert names == sorted(names, key=lambda name: (not name.isupper(), name[0].islower(), name))
    assert all(hasattr(pocketsflow_async, name) for name in names)


def test_nothing_public_is_left_undeclared():
    """What the package shows without an underscore is declared, or is a module of its own."""
    shown = {name for name in dir(pocketsflow_async) if name.isidentifier() and not name.startswith("_")}
    modules = {module(path).rpartition(".")[2] for path in ROOT.glob("*.py")} | {
        path.parent.name for path in ROOT.glob("*/__init__.py")
    }

    assert shown - modules - {"TYPE_CHECKING", "Any"} == set(pocketsflow_async.__all__) - modules


def imported(path: Path) -> set[str]:
    """All modules that a file's import statements name, wherever they stand."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} has a relative import"
            found |= {node.module or ""} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def below(names: set[str], *tops: str) -> set[str]:
    """The names that are one of these modules or inside them."""
    return {name for name in names if any(name == top or name.startswith(f"{top}.") for top in tops)}


@pytest.mark.parametrize("path", [path for path in FILES if GENERATED in path.parents], ids=module)
def test_generated_code_knows_no_network(path):
    """Generated code is handed a caller; it imports neither what sends nor what joins the parts."""
    forbidden = [
        f"pocketsflow_async.{name}" for name in ("_executor", "_client", "_connection", "_transport", "sandbox")
    ]

    assert not below(imported(path), "aiohttp", "yarl", "backoff", "cattrs", "codegen", *forbidden)


@pytest.mark.parametrize("path", [path for path in FILES if GENERATED not in path.parents], ids=module)
def test_the_runtime_knows_no_generator_and_one_module_knows_the_network(path):
    """The package never imports the generator or the tests; of the runtime only the transport imports aiohttp."""
    names = imported(path)

    assert not below(names, "codegen", "tests", "hypothesis")
    assert path.name == "_pytest_plugin.py" or not below(names, "pytest")
    if path.parent == ROOT and path.name.startswith("_") and path.name not in OF_THE_NETWORK:
        assert below(names, "aiohttp", "yarl", "multidict") <= {"aiohttp", "aiohttp.ClientSession"}
        assert not below(names, "aiohttp") or "if TYPE_CHECKING:\n    from aiohttp" in path.read_text(encoding="utf-8")


def test_errors_import_nothing_of_ours():
    """The tree of errors is a leaf: everything may import it."""
    assert not below(imported(ROOT / "errors.py"), "pocketsflow_async")

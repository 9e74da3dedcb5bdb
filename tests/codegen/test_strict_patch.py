"""What `strict="warn"` tells can be pasted into the spec."""

import json
import warnings
from pathlib import Path

import pytest
import yaml

from codegen.__main__ import ROOT
from codegen.build import build
from codegen.lint import lint
from codegen.spec import Spec, load
from pocketsflow_async._drift import Drift, _spec
from pocketsflow_async._wire import load as codec

ORDER = "pocketsflow_async._generated.pocketsflow.wire.orders:ORDER"
SEEN = [
    {"text": "a", "day": "2024-01-31", "time": "2024-01-31T00:00:00Z", "count": 1, "rate": 1.5, "flag": True},
    {"nothing": None, "data": {"a": 1}, "list": ["a"], "rows": [{"a": 1}], "deep": [[1]], "odd": [1, "a", None]},
    {"text": None, "count": "a", "day": None, "data": None, "list": None, "rate": None, "class": 1, "größe": 2},
]


@pytest.fixture
def patch():
    """The patch after some answers."""
    drift = Drift()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for fields in SEEN:
            body = {"_id": "1", "product": {"_id": "2", "type": "on hold"}, **fields}
            drift.look(codec(ORDER), json.dumps(body).encode())
    return drift.patch()


def paste(spec, patch):
    """What a person does: each mapping goes into the mapping of its name, new list members at the end."""
    for key, value in patch.items():
        if isinstance(value, dict) and key in spec:
            paste(spec[key], value)
        else:
            spec[key] = [*spec[key], *value] if isinstance(value, list) else value


def test_the_spec_takes_the_patch(patch):
    """With the patch pasted the lint is content, the model has the fields and the enum has the value."""
    path = ROOT / "openapi" / "pocketsflow.yaml"
    data = load(path).data
    paste(data, yaml.safe_load(patch))
    spec = Spec(path, data, {})

    lint(spec)

    api = build(spec, "openapi/pocketsflow.yaml")
    fields = {field.wire: field for field in api.model("Order").fields}
    assert set().union(*SEEN) <= fields.keys()
    assert (fields["rate"].type.kind, fields["rate"].nullable) == ("decimal", True)
    assert ("ON_HOLD", "on hold") in next(enum for enum in api.enums if enum.name == "ProductType").members


def test_the_patch_names_a_file_that_is_there():
    """Every generated package leads back to the file of its spec."""
    for path in sorted((ROOT / "openapi").glob("*.yaml")):
        generated = type("Any", (), {"__module__": f"pocketsflow_async._generated.{load(path).name}.wire.x"})

        assert Path(_spec(generated)) == path.relative_to(ROOT)

"""Components that are one of several objects, told apart by a property: `oneOf` with a discriminator."""

from typing import Any

import attrs

from codegen.spec import Spec


def tags(schema: dict[str, Any]) -> dict[str, str]:
    """The component that each value of the property stands for; one without a value of its own goes by its name."""
    told: dict[str, str] = schema["discriminator"].get("mapping", {})
    found = {value: reference.rpartition("/")[2] for value, reference in told.items()}
    names = [member["$ref"].rpartition("/")[2] for member in schema["oneOf"]]
    return found | {name: name for name in names if name not in found.values()}


def without_discriminators(spec: Spec) -> Spec:
    """The spec for a parser that would make other fields of the properties that tell objects apart."""
    components = spec.data.get("components", {})
    schemas = {
        name: {key: value for key, value in schema.items() if key != "discriminator"}
        for name, schema in spec.schemas.items()
    }
    return attrs.evolve(spec, data={**spec.data, "components": {**components, "schemas": schemas}})

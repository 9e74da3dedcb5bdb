"""From a hand-kept OpenAPI document to the generated half of the package. Development only; not in the wheel."""

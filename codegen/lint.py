"""Refuses what would generate badly: every mistake in one run, each with its place and what to do."""

from codegen.spec import Spec


def lint(spec: Spec) -> None:
    """Look the spec over before anything is generated from it.

    Raises:
        SpecError: with every mistake found.
    """
    del spec

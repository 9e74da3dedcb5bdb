"""Refuses what would generate badly: every mistake in one run, each with its place and what to do."""

from codegen.lint.answers import check as check_answers
from codegen.lint.bodies import check as check_bodies
from codegen.lint.components import check as check_components
from codegen.lint.document import check as check_document
from codegen.lint.events import check as check_events
from codegen.lint.names import check as check_names
from codegen.lint.operations import check as check_operations
from codegen.lint.parameters import check as check_parameters
from codegen.lint.roles import check as check_roles
from codegen.lint.schemas import check as check_schemas
from codegen.lint.security import check as check_security
from codegen.lint.sizes import check as check_sizes
from codegen.lint.view import View
from codegen.problems import SpecError
from codegen.spec import Spec

# The rules for the document come last: they leave out what another one has said already.
_RULES = (
    check_operations,
    check_parameters,
    check_names,
    check_answers,
    check_sizes,
    check_events,
    check_security,
    check_roles,
    check_bodies,
    check_schemas,
    check_components,
    check_document,
)


def lint(spec: Spec) -> None:
    """Look the spec over before anything is generated from it.

    Raises:
        SpecError: with every mistake found.
    """
    view = View(spec)
    try:
        for check in _RULES:
            check(view)
    except RecursionError:
        view.refuse("", "it is nested too deeply to be read: name what is inside as components")
    if view.problems:
        raise SpecError(sorted(set(view.problems)))

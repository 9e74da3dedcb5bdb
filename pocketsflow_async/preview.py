"""Endpoints that the documentation names without giving a path: `pf.preview`, and the models they answer with.

Their paths and shapes are inferred. The first use of each warns with `PreviewWarning`.
"""

from typing import TYPE_CHECKING, Any

from pocketsflow_async._caller import Caller
from pocketsflow_async._generated.pocketsflow_preview import models as _generated
from pocketsflow_async._generated.pocketsflow_preview.resources import Resources
from pocketsflow_async._operation import Operation
from pocketsflow_async._provisional import Warner
from pocketsflow_async._upload import File, Upload
from pocketsflow_async.errors import PreviewWarning


def _inferred(operation: Operation[Any]) -> str:
    return f"the path {operation.path} is inferred; the documentation names the capability, but no path"


class Preview(Resources):
    """The resources whose paths are inferred, by name."""

    def __init__(self, caller: Caller) -> None:
        super().__init__(Warner(caller, prefix="preview.", explain=_inferred))


if TYPE_CHECKING:
    from pocketsflow_async._generated.pocketsflow_preview.models import *  # noqa: F403 - the door shows all of them
else:

    def __getattr__(name: str) -> Any:
        return getattr(_generated, name)


__all__ = ["File", "Preview", "PreviewWarning", "Upload"]

"""Every model, enum and request body of the PocketSuite gateway."""

from typing import TYPE_CHECKING, Any

from pocketsflow_async._generated.pocketsuite import models as _generated

if TYPE_CHECKING:
    from pocketsflow_async._generated.pocketsuite.models import *  # noqa: F403 - the door shows all of them
else:

    def __getattr__(name: str) -> Any:
        return getattr(_generated, name)

    def __dir__() -> list[str]:
        return _generated.__all__

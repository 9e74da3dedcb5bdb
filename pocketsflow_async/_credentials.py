"""Who a client is: what it sends as `Authorization`, and how that is renewed where it does not last."""

from typing import Any, Protocol

from pocketsflow_async._config import Secret


class Renewal(Protocol):
    """Keeps credentials usable that do not last."""

    @property
    def generation(self) -> int:
        """Counts the credentials that were in use, these included."""
        ...

    @property
    def is_fresh(self) -> bool:
        """Whether the credentials in use are new: were they refused too, others would not help."""
        ...

    async def ready(self) -> None:
        """Wait until there are credentials that may be sent.

        Raises:
            PocketsflowError: there will be none; asking again in the same call does not help.
        """
        ...

    async def refused(self, generation: int) -> bool:
        """The server answered 401 to a request with those credentials: see to it that others are in use.

        Returns:
            Whether others are in use now; False where there is no way to get any.

        Raises:
            PocketsflowError: others could not be had.
        """
        ...

    async def settled(self) -> None:
        """Wait until nothing is being renewed, so that nothing new is lost."""
        ...


class Credentials(Protocol):
    """Who a client is."""

    @property
    def authorization(self) -> str:
        """The header's value, as of now."""
        ...

    @property
    def identity(self) -> str:
        """By what the server tells us apart when it counts requests; as secret as the credentials."""
        ...

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must show in no error, whoever repeats it."""
        ...

    @property
    def renewal(self) -> Renewal | None:
        """How they are renewed; None for what lasts."""
        ...


class Key:
    """A key that lasts.

    Args:
        secret: the key.
        scheme: of the `Authorization` header.
        others: further secrets that its requests send.
    """

    __slots__ = ("authorization", "identity", "renewal", "secrets")

    def __init__(self, secret: Secret, *, scheme: str = "Bearer", others: tuple[str, ...] = ()) -> None:
        self.identity = secret.reveal()
        self.authorization = f"{scheme} {self.identity}"
        self.secrets = (self.identity, *others)
        self.renewal: Renewal | None = None

    def __repr__(self) -> str:
        return "<Key>"

    def __reduce__(self) -> Any:
        raise TypeError("a key is not pickled: build the client anew from its own")

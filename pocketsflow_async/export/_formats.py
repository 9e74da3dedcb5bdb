"""The formats of an export: what each is called, what it needs, and how its file is written."""

from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from gzip import GzipFile
from importlib import import_module
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import IO

import attrs

from pocketsflow_async.errors import ConfigurationError

Records = Iterable[bytes]
"""JSON texts, one for each record."""

Tables = Mapping[str, Records]
"""The records of each resource."""

_AT_ONCE = 1000


@attrs.frozen
class Format:
    """One format.

    Attributes:
        suffix: how its files end, without what a compression adds.
        compressions: what may be asked for; the first is used by Parquet where nothing is.
        together: whether one file holds all resources, a table each.
        needs: modules that are not installed with this package; its extra of the format's name brings them.
    """

    name: str
    suffix: str
    compressions: tuple[str, ...]
    _write: Callable[[Path, Tables, str | None], None]
    together: bool = False
    needs: tuple[str, ...] = ()

    def file(self, resource: str, compression: str | None) -> str:
        """The name of the file that holds a resource."""
        ending = ".gz" if compression == "gzip" else ""
        return f"{'pocketsflow' if self.together else resource}{self.suffix}{ending}"

    def raw_file(self, resource: str) -> str | None:
        """The name of the file with each record as it was sent; None where the file itself is that."""
        return None if self.name == "jsonl" else f"raw/{resource}.jsonl.gz"

    def check(self) -> None:
        """See that what the format needs is there.

        Raises:
            ConfigurationError: it is not; says how to get it.
        """
        missing = [name for name in self.needs if find_spec(name) is None]
        if missing:
            raise ConfigurationError(
                f"format {self.name} needs {' and '.join(missing)}: pip install 'pocketsflow-async[{self.name}]'"
            )

    def write(self, path: Path, tables: Tables, compression: str | None) -> None:
        """Write a file; what stood there is replaced. One table, except where a file holds them all.

        Raises:
            ConfigurationError: the format needs something that is not installed.
            OSError: the disk refused.
        """
        self.check()
        self._write(path, tables, compression)

    def count(self, path: Path, resources: Sequence[str]) -> Mapping[str, int]:
        """How many records of each resource a finished file holds; not for JSON Lines."""
        from pocketsflow_async.export._counts import COUNTS

        return COUNTS[self.name](path, resources)


def _jsonl(path: Path, tables: Tables, compression: str | None) -> None:
    (records,) = tables.values()
    left = iter(records)
    with _opened(path, compression) as file:
        while lines := list(islice(left, _AT_ONCE)):
            file.write(b"\n".join(lines) + b"\n")


def _csv(path: Path, tables: Tables, compression: str | None) -> None:
    from pocketsflow_async.export._columns import columns_of
    from pocketsflow_async.export._csv import write_csv

    ((resource, records),) = tables.items()
    with _opened(path, compression) as file:
        write_csv(file, columns_of(resource), records)


def _parquet(path: Path, tables: Tables, compression: str | None) -> None:
    ((resource, records),) = tables.items()
    import_module("pocketsflow_async.export._parquet").write_parquet(path, resource, records, compression)


def _sqlite(path: Path, tables: Tables, _: str | None) -> None:
    from pocketsflow_async.export._sqlite import write_sqlite

    write_sqlite(path, tables)


def _duckdb(path: Path, tables: Tables, _: str | None) -> None:
    import_module("pocketsflow_async.export._duckdb").write_duckdb(path, tables)


@contextmanager
def _opened(path: Path, compression: str | None) -> Generator[IO[bytes] | GzipFile]:
    """A new file. A compressed one has neither a name nor a time in it, so that equal records give equal bytes."""
    with path.open("wb") as file:
        if compression is None:
            yield file
        else:
            with GzipFile("", "wb", 6, file, mtime=0) as packed:
                yield packed


FORMATS: Mapping[str, Format] = {
    one.name: one
    for one in (
        Format("jsonl", ".jsonl", ("gzip",), _jsonl),
        Format("csv", ".csv", ("gzip",), _csv),
        Format("parquet", ".parquet", ("zstd", "snappy"), _parquet, needs=("pyarrow",)),
        Format("sqlite", ".sqlite", (), _sqlite, together=True),
        Format("duckdb", ".duckdb", (), _duckdb, together=True, needs=("duckdb", "pyarrow")),
    )
}
"""Every format by its name."""

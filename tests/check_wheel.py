"""Looks into a built wheel: what must be in it, and what must not."""

import sys
import zipfile


def main(path: str) -> None:
    names = zipfile.ZipFile(path).namelist()
    for wanted in (
        "pocketsflow_async/py.typed",
        "pocketsflow_async/_generated/pocketsflow/resources.py",
        "pocketsflow_async/_generated/pocketsflow/openapi.json",
        "pocketsflow_async/_generated/pocketsuite/openapi.json",
        "pocketsflow_async/sandbox/__init__.py",
    ):
        if wanted not in names:
            raise SystemExit(f"{path}: {wanted} is missing")
    foreign = [name for name in names if not name.startswith(("pocketsflow_async/", "pocketsflow_async-"))]
    if foreign:
        raise SystemExit(f"{path}: does not belong into the wheel: {', '.join(foreign)}")


if __name__ == "__main__":
    main(sys.argv[1])

"""All checks there are: ours in sql/checks, and a folder of the user's own, which adds to them and replaces by name."""

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

import sql
from events.errors import UsageError
from quality.checks import Check
from quality.declared import read_declarations
from quality.written import read_check

#: The folder of our own checks.
FOLDER: Final = sql.FOLDER / "checks"

_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,59}")


def load_checks(own: Path | None = None) -> dict[str, Check]:
    """Read all checks, by name and in its order.

    Args:
        own: A folder of the user's own checks.
    Raises: UsageError naming the file that can't be used, and why.
    """
    found = dict(_read_folder(FOLDER))
    if own is not None:
        if not own.is_dir():
            raise UsageError(f"C360_CHECKS: there is no folder {own}")
        found |= _read_folder(own)
    return {name: check for name, check in sorted(found.items()) if check}


def choose(checks: Mapping[str, Check], names: Iterable[str]) -> list[Check]:
    """Those of these names, or all where there is none.

    Raises: UsageError for a name that is none.
    """
    for name in names:
        if name not in checks:
            raise UsageError(f"there is no check {name!r}: choose from {', '.join(checks)}")
    return [checks[name] for name in names] or list(checks.values())


def _read_folder(folder: Path) -> Iterator[tuple[str, Check | None]]:
    """Names and checks; None where a declaration switches one off."""
    seen: set[str] = set()
    for path in sorted(folder.iterdir()):
        found: Iterable[tuple[str, Check | None]] = ()
        if path.suffix == ".sql":
            found = [(path.stem, read_check(path))]
        elif path.suffix == ".toml":
            found = read_declarations(path)
        for name, check in found:
            if not _NAME.fullmatch(name):
                raise UsageError(f"{path}: a check can't be called {name!r}: use a-z, 0-9 and _, at most 60 characters")
            if name in seen:
                raise UsageError(f"{path}: there are two checks called {name!r}: rename one")
            seen.add(name)
            yield name, check

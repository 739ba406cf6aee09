"""The reader for each kind of file."""

from collections.abc import Callable
from typing import Final

from events.errors import UsageError
from producers.sources.csv_file import CsvFormat, CsvSource
from producers.sources.json_file import JsonSource, NdjsonSource
from producers.sources.location import Location
from producers.sources.streams import ByteFile, Digest
from producers.sources.table import Source


def _excel(file: ByteFile) -> Source:
    from producers.sources.excel import ExcelSource  # noqa: PLC0415 (imported by whoever has workbooks)

    return ExcelSource(file)


def _parquet(file: ByteFile) -> Source:
    from producers.sources.parquet import ParquetSource  # noqa: PLC0415 (an extra)

    return ParquetSource(file)


_READERS: Final[dict[str, Callable[[ByteFile, CsvFormat, str | None], Source]]] = {
    ".csv": lambda file, form, _: CsvSource(file, form),
    ".tsv": lambda file, form, _: CsvSource(file, form),
    ".txt": lambda file, form, _: CsvSource(file, form),
    ".ndjson": lambda file, _form, _: NdjsonSource(file),
    ".jsonl": lambda file, _form, _: NdjsonSource(file),
    ".json": lambda file, _form, records: JsonSource(file, records),
    ".parquet": lambda file, _form, _: _parquet(file),
    ".xlsx": lambda file, _form, _: _excel(file),
}

#: Suffixes of files that can be read; text and JSON also with `.gz` or `.zst` behind it.
KINDS: Final = tuple(_READERS)

_NEVER_COMPRESSED: Final = (".parquet",)
#: Read here and there, so that nothing can be taken of them on the way.
_NOT_READ_IN_ORDER: Final = (".parquet",)
_CAN_BE_FOLLOWED: Final = (".csv", ".tsv", ".txt", ".ndjson", ".jsonl")


def check_kind(location: Location, *, follow: bool = False) -> None:
    """Raises: UsageError when no reader is there for it."""
    if location.kind not in _READERS:
        raise UsageError(
            f"{location.address}: files of this kind can't be read: expected one of {', '.join(KINDS)}, "
            "also with .gz or .zst, or --kind"
        )
    if location.compression and location.kind in _NEVER_COMPRESSED:
        raise UsageError(f"{location.address}: {location.kind} is compressed by itself: unpack it first")
    if follow and (location.kind not in _CAN_BE_FOLLOWED or location.compression or location.is_remote):
        raise UsageError(f"{location.address} can't be followed: only uncompressed CSV and NDJSON on this machine grow")


def open_source(
    location: Location,
    form: CsvFormat | None = None,
    *,
    records: str | None = None,
    follow: bool = False,
    digest: Digest | None = None,
) -> Source:
    """Open a file for reading its tables, once.

    Args:
        form: How it is written, of a CSV file.
        records: Path of the array, of a JSON document.
        follow: Wait for more at its end.
        digest: Takes the file's bytes as they are read, but for Parquet.
    Raises: UsageError when it is not what its suffix says; Unavailable.
    """
    check_kind(location, follow=follow)
    file = location.open(follow=follow, digest=None if location.kind in _NOT_READ_IN_ORDER else digest)
    try:
        return _READERS[location.kind](file, form or CsvFormat(), records)
    except BaseException:
        file.close()
        raise

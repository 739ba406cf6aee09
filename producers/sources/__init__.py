"""Where rows come from: `locate` finds files, `open_source` picks the reader, `table` says what a reader gives."""

from producers.sources.csv_file import CsvFormat, CsvSource
from producers.sources.json_file import JsonSource, NdjsonSource
from producers.sources.location import Location, locate
from producers.sources.reading import KINDS, check_kind, open_source
from producers.sources.streams import Digest
from producers.sources.table import BATCH_ROWS, Batch, Broken, Cell, Cells, Names, Source, Table, Unreadable

__all__ = [
    "BATCH_ROWS",
    "KINDS",
    "Batch",
    "Broken",
    "Cell",
    "Cells",
    "CsvFormat",
    "CsvSource",
    "Digest",
    "JsonSource",
    "Location",
    "Names",
    "NdjsonSource",
    "Source",
    "Table",
    "Unreadable",
    "check_kind",
    "locate",
    "open_source",
]

"""Columns of keys and measures as parameters of statements."""

from collections.abc import Collection, Mapping
from typing import Final

from stream_processors import binary
from stream_processors.fold import Key, Keyed, Kind

ARRAYS: Final[Mapping[Kind, type[binary.Array]]] = {
    Kind.TEXT: binary.TextArray,
    Kind.BIGINT: binary.Int8Array,
    Kind.SMALLINT: binary.Int8Array,
    Kind.NUMERIC: binary.NumericArray,
    Kind.MOMENT: binary.TimestamptzArray,
    Kind.DATE: binary.DateArray,
}


def key_arrays(keyed: Keyed, keys: Collection[Key]) -> list[binary.Array]:
    """One array for each column of the keys, of which there is at least one; they may lack the last columns."""
    columns = zip(*keys, strict=True)
    return [ARRAYS[kind].of(column) for kind, column in zip(keyed.key.values(), columns, strict=False)]

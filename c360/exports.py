"""Tables of the database as files, Parquet or CSV, with a manifest that says what they are."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias
from uuid import UUID

import msgspec
from psycopg import sql

from c360.database import Connection
from events.errors import UsageError

Format: TypeAlias = Literal["parquet", "csv"]

_ROWS_AT_ONCE: Final = 10_000
#: Digits after the point: those of amounts, and of averages of them.
_DECIMALS: Final = 12

_COLUMNS: Final = """
    SELECT attname, format_type(atttypid, NULL), col_description(attrelid, attnum)
    FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum
"""


class Column(msgspec.Struct, frozen=True):
    """One column, in the words of the database."""

    name: str
    type: str
    meaning: str | None


class ExportedTable(msgspec.Struct, frozen=True, kw_only=True):
    """One file."""

    table: str
    meaning: str | None
    file: str
    rows: int
    sha256: str
    columns: list[Column]


class ExportManifest(msgspec.Struct, frozen=True, kw_only=True):
    """What `manifest.json` says."""

    exported_at: datetime
    format: Format
    tables: list[ExportedTable]


def export(connection: Connection, tables: Sequence[str], folder: Path, form: Format) -> ExportManifest:
    """Write tables into a folder, all as of one moment, and the manifest last.

    Args:
        connection: In a transaction that sees one snapshot (REPEATABLE READ).
        tables: Names, with their schema where that is not the current one.
    Raises: UsageError when something is in the folder already, or Parquet's extra is missing.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise UsageError(f"{folder} is not empty: name another folder, so that its manifest tells of all that is in it")
    write = _write_parquet if form == "parquet" else _write_csv
    exported = []
    for table in tables:
        columns = [Column(*row) for row in connection.execute(_COLUMNS, [table])]
        path = folder / f"{table.rpartition('.')[2]}.{form}"
        rows = write(connection, table, columns, path)
        row = connection.execute("SELECT obj_description(%s::regclass, 'pg_class')", [table]).fetchone()
        exported.append(
            ExportedTable(
                table=table,
                meaning=row[0] if row else None,
                file=path.name,
                rows=rows,
                sha256=_sha256(path),
                columns=columns,
            )
        )
    manifest = ExportManifest(exported_at=datetime.now(UTC), format=form, tables=exported)
    (folder / "manifest.json").write_bytes(msgspec.json.format(msgspec.json.encode(manifest)) + b"\n")
    return manifest


def _write_csv(connection: Connection, table: str, _: Sequence[Column], path: Path) -> int:
    """As RFC 4180 has it; a null is an empty cell, an empty text is `""`."""
    statement = sql.SQL("COPY (SELECT * FROM {}) TO STDOUT (FORMAT csv, HEADER)").format(_identifier(table))
    with path.open("wb") as file, connection.cursor() as cursor:
        with cursor.copy(statement) as copy:
            for block in copy:
                file.write(block)
        return cursor.rowcount


def _write_parquet(connection: Connection, table: str, columns: Sequence[Column], path: Path) -> int:
    try:
        import pyarrow as pa  # noqa: PLC0415 (an extra)
        from pyarrow import parquet  # noqa: PLC0415
    except ModuleNotFoundError:
        raise UsageError("Parquet needs an extra: pip install 'live-customer-360[parquet]'") from None
    schema = pa.schema([(column.name, _arrow_type(pa, column.type)) for column in columns])
    written = 0
    with parquet.ParquetWriter(path, schema) as writer:
        for rows in _batches(connection, table):
            arrays = [
                pa.array(map(_exact if pa.types.is_decimal(field.type) else _plain, values), field.type)
                for field, values in zip(schema, zip(*rows, strict=True), strict=True)
            ]
            writer.write_table(pa.table(arrays, schema=schema))
            written += len(rows)
    return written


def _exact(value: Any) -> Any:
    """An amount: averages may have more digits than anybody needs."""
    return None if value is None else round(value, _DECIMALS)


def _plain(value: Any) -> Any:
    """UUIDs become text, as in CSV."""
    return str(value) if isinstance(value, UUID) else value


def _batches(connection: Connection, table: str) -> Iterator[list[tuple[Any, ...]]]:
    with connection.cursor(name="export") as cursor:
        cursor.execute(sql.SQL("SELECT * FROM {}").format(_identifier(table)))
        while rows := cursor.fetchmany(_ROWS_AT_ONCE):
            yield rows


def _arrow_type(pa: Any, name: str) -> Any:
    """Everything that has no type of its own there is text."""
    types = {
        "bigint": pa.int64(),
        "integer": pa.int32(),
        "smallint": pa.int16(),
        "boolean": pa.bool_(),
        "date": pa.date32(),
        "double precision": pa.float64(),
        "timestamp with time zone": pa.timestamp("us", tz="UTC"),
        "numeric": pa.decimal128(38, _DECIMALS),
    }
    return types.get(name, pa.string())


def _identifier(table: str) -> sql.Identifier:
    return sql.Identifier(*table.split("."))


def _sha256(path: Path) -> str:
    digest = sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()

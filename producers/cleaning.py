"""One row to one event, or to the rejected row that says why not."""

from collections.abc import Callable
from typing import Final, TypeAlias

import msgspec
from msgspec import UNSET

from events.contracts import Event, RejectedRow, check
from events.errors import RejectedEvent
from producers.identity import Ordinals, interaction_id, reject_id
from producers.mapping import DERIVED, StreamMapping
from producers.sources import Broken, Cell, Cells

#: Raises RejectedEvent when the row can't become an event.
Clean: TypeAlias = Callable[[Cells], Event]

#: A rejected row is cut to so many characters per cell and in all, that it is never too large to be sent itself.
_CELL_LIMIT: Final = 2_000
_ROW_LIMIT: Final = 100_000


def compile_cleaner(mapping: StreamMapping, source: str, ordinals: Ordinals) -> Clean:
    """Make the function that turns the rows of one table into events.

    Args:
        source: The mapping's name of the source, part of derived identities.
        ordinals: Shared by all tables of the source.
    """
    plan = tuple((field.name, field.column, field.convert) for field in mapping.fields)
    model, constants = mapping.model, mapping.constants
    identity = DERIVED[mapping.stream] if mapping.derives_identity else None

    def clean(cells: Cells) -> Event:
        values = constants.copy()
        name = ""
        try:
            for name, column, convert in plan:
                value = convert(cells.get(column))
                if value is not UNSET:
                    values[name] = value
        except ValueError as error:
            raise RejectedEvent(str(error), field=f"$.{name}") from None
        if identity:
            values[identity] = interaction_id(ordinals, source, values)
        event = _as_event(values, model)
        check(event)
        return event

    return clean


def rejected_row(  # noqa: PLR0917
    error: RejectedEvent,
    mapping: StreamMapping,
    ordinals: Ordinals,
    source: str,
    file_name: str,
    place: str,
    cells: Cells | Broken,
) -> RejectedRow:
    """Describe a row that was refused: what it said, where it stood, and why."""
    row = _row_as_text({"line": cells.text} if isinstance(cells, Broken) else cells)
    column = mapping.column_of((error.field or "").removeprefix("$."))
    return RejectedRow(
        reject_id=reject_id(ordinals, source, mapping.stream, row),
        stream=mapping.stream,
        source=_printable(file_name).strip(),
        place=_printable(place).strip(),
        reason=_printable(error.reason).strip(),
        column=column and _printable(column),
        row=row,
    )


def _as_event(values: dict[str, object], model: type[Event]) -> Event:
    """Make the event, with the lengths and bounds that the contract sets."""
    try:
        return msgspec.convert(values, model)
    except msgspec.ValidationError as error:
        reason, _, place = str(error).partition(" - at ")
        raise RejectedEvent(reason, field=place.strip("`") or None) from None


def _row_as_text(cells: Cells) -> dict[str, str | None]:
    row: dict[str, str | None] = {}
    room = _ROW_LIMIT
    for column, cell in cells.items():
        text = None if cell is None else _printable(_cell_as_text(cell))
        name = _printable(column)
        room -= len(name) + len(text or "")
        if room < 0:
            break
        row[name] = text
    return row


def _cell_as_text(cell: Cell) -> str:
    return cell if isinstance(cell, str) else str(cell)


def _printable(text: str) -> str:
    """Cut to what a contract accepts; NULs and bytes that are not UTF-8 made visible."""
    return text[:_CELL_LIMIT].replace("\0", "␀").encode(errors="backslashreplace").decode()[:_CELL_LIMIT]

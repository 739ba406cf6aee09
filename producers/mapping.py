"""The mapping file: which column of a source is which field of which stream, and how its cells are read.

TOML beside the data; docs/mappings.md explains it by example. `load_mapping` checks all of it against the contracts in
`events` and compiles one converter per field, so that a mistake is told before the first row is read.
"""

import re
import tomllib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo
from decimal import Decimal
from difflib import get_close_matches
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Literal, NoReturn, TypeAlias, TypeVar, Union, get_args, get_origin
from zoneinfo import ZoneInfo

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType
from msgspec.structs import FieldInfo

from events import contracts, topics
from events.errors import UsageError
from producers import cells
from producers.sources import Cell

#: A cell to the value of a field; UNSET leaves the field out. Raises ValueError for a cell that can't be read.
FieldConverter: TypeAlias = Callable[[Cell], object]

#: Fields that may stay unmapped although the contract requires them: they are derived from the row's content.
DERIVED: Final = {topics.INTERACTIONS.name: "event_id"}


@dataclass(frozen=True, slots=True)
class ColumnField:
    """One field of the contract, and how it is read from a column."""

    name: str
    column: str
    convert: FieldConverter


@dataclass(frozen=True, slots=True)
class StreamMapping:
    """How the rows of one table become events of one stream."""

    model: type[contracts.Event]
    #: Name of the sheet; None for sources that have but one table.
    sheet: str | None
    fields: tuple[ColumnField, ...]
    #: Fields that are the same in every event.
    constants: dict[str, object]

    @property
    def stream(self) -> str:
        """The stream's name, which is its topic's."""
        return self.model.topic.name

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns that the table must have."""
        return tuple(dict.fromkeys(field.column for field in self.fields))

    @property
    def derives_identity(self) -> bool:
        """True when the rows bring no id of their own."""
        derived = DERIVED.get(self.stream)
        return derived is not None and all(field.name != derived for field in self.fields)

    def column_of(self, field: str) -> str | None:
        """The column that a field is read from."""
        return next((mapped.column for mapped in self.fields if mapped.name == field), None)


@dataclass(frozen=True, slots=True)
class Mapping:
    """A mapping file, checked and compiled."""

    #: Part of derived identities: the same rows under another file name stay the same facts.
    source: str
    streams: tuple[StreamMapping, ...]


def load_mapping(path: Path) -> Mapping:
    """Read, check and compile a mapping file.

    Raises: UsageError naming the file, the line where it is known, the key, and what would be right.
    """
    text = _read(path)
    try:
        return _compile(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path} is not TOML: {error}") from error
    except _Mistake as mistake:
        line = _line_of(text, mistake.stream, mistake.key)
        raise UsageError(f"{path}{f', line {line}' if line else ''}: {mistake}") from mistake


class _FileSpec(Struct, forbid_unknown_fields=True):
    source: Annotated[str, Meta(min_length=1)]
    streams: Annotated[list[dict[str, Any]], Meta(min_length=1)]
    zone: str = "UTC"


class _StreamSpec(Struct, forbid_unknown_fields=True):
    stream: str
    fields: Annotated[dict[str, Any], Meta(min_length=1)]
    sheet: str | None = None


class _FieldSpec(Struct, forbid_unknown_fields=True):
    column: Annotated[str, Meta(min_length=1)] | None = None
    format: str | None = None
    zone: str | None = None
    values: dict[str, str] = {}
    only: list[str] = []
    #: What an empty cell means; None stands for "not given", TOML has no null.
    default: Any = None
    #: The same value in every event, instead of a column.
    constant: Any = None
    empty: Literal["clear"] | None = None


class _Mistake(Exception):
    """What is wrong in a mapping file, and where: the how-manieth stream, and the nearest key."""

    def __init__(self, message: str, *, key: str, stream: int | None = None) -> None:
        super().__init__(message)
        self.key = key
        self.stream = stream


Spec = TypeVar("Spec", _FileSpec, _StreamSpec, _FieldSpec)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise UsageError(f"there is no mapping file {path}: write one, or name another with --mapping") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"the mapping file {path} can't be read: {error}") from error


def _compile(document: dict[str, Any]) -> Mapping:
    spec = _typed(document, _FileSpec, key="")
    zone = _zone(spec.zone, key="zone", stream=None)
    return Mapping(spec.source, tuple(_compile_stream(raw, index, zone) for index, raw in enumerate(spec.streams)))


def _compile_stream(raw: dict[str, Any], index: int, zone: tzinfo) -> StreamMapping:
    spec = _typed(raw, _StreamSpec, key="", stream=index)
    names = [topic.name for topic in topics.STREAMS]
    if spec.stream not in names:
        raise _Mistake(f"there is no stream {spec.stream!r}{_mend(spec.stream, names)}", key="stream", stream=index)
    model = contracts.CONTRACTS[spec.stream]
    known = {field.name: field for field in msgspec.structs.fields(model)}
    fields, constants = [], {}
    for name, value in spec.fields.items():
        if name not in known:
            message = f"stream {spec.stream!r} has no field {name!r}{_mend(name, known)}"
            raise _Mistake(message, key=name, stream=index)
        place = _Place(spec.stream, name, index)
        field_spec = _field_spec(value, place)
        if field_spec.constant is not None:
            constants[name] = _compile_constant(known[name], field_spec, place, zone)
        else:
            fields.append(_compile_field(known[name], field_spec, place, zone))
    _require_fields(spec, model, index)
    return StreamMapping(model, spec.sheet, tuple(fields), constants)


def _require_fields(spec: _StreamSpec, model: type[contracts.Event], index: int) -> None:
    for field in msgspec.structs.fields(model):
        if field.required and field.name not in spec.fields and field.name != DERIVED.get(spec.stream):
            message = f'stream {spec.stream!r} needs the field {field.name!r}: map it, {field.name} = "<column>"'
            raise _Mistake(message, key="fields", stream=index)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where in the file a field's specification stands."""

    stream: str
    field: str
    index: int

    def refuse(self, message: str) -> NoReturn:
        raise _Mistake(f"field {self.field!r} of stream {self.stream!r}: {message}", key=self.field, stream=self.index)


def _field_spec(value: object, place: _Place) -> _FieldSpec:
    if not isinstance(value, str | dict):
        place.refuse("expected the name of a column, or { column = ..., ... }")
    spec = _FieldSpec(column=value) if isinstance(value, str) else _typed(value, _FieldSpec, place=place)
    if (spec.column is None) == (spec.constant is None):
        place.refuse("give either a column or a constant")
    return spec


def _compile_field(field: FieldInfo, spec: _FieldSpec, place: _Place, zone: tzinfo) -> ColumnField:
    assert spec.column is not None
    convert = _converter(field, spec, place, zone)
    if spec.default is not None:
        fallback = _fixed(field, spec.default, convert, place)
    elif spec.empty is not None:
        fallback = None
    else:
        fallback = UNSET
    required = field.required and spec.default is None
    return ColumnField(field.name, spec.column.strip(), _of_cell(convert, fallback, required=required))


def _compile_constant(field: FieldInfo, spec: _FieldSpec, place: _Place, zone: tzinfo) -> object:
    if spec.default is not None or spec.empty is not None:
        place.refuse("a constant is never empty: remove `default` and `empty`")
    return _fixed(field, spec.constant, _converter(field, spec, place, zone), place)


def _fixed(field: FieldInfo, value: Cell, convert: FieldConverter, place: _Place) -> object:
    """A value that the mapping itself gives, converted and checked like a cell."""
    try:
        return msgspec.convert(convert(value.strip() if isinstance(value, str) else value), field.type)
    except (ValueError, msgspec.ValidationError) as error:
        place.refuse(str(error))


def _of_cell(convert: FieldConverter, fallback: object, *, required: bool) -> FieldConverter:
    """Wrap a converter of non-empty cells with what an empty one means."""

    def optional(cell: Cell) -> object:
        if isinstance(cell, str):
            cell = cell.strip()
        return fallback if cell is None or cell == "" else convert(cell)

    def mandatory(cell: Cell) -> object:
        if isinstance(cell, str):
            cell = cell.strip()
        if cell is None or cell == "":
            raise ValueError("the cell is empty")
        return convert(cell)

    return mandatory if required else optional


@dataclass(frozen=True, slots=True)
class _Kind:
    """What fields of one type have in common: the options they take, and how they are read."""

    options: frozenset[str]
    converter: Callable[[_FieldSpec, tzinfo], FieldConverter]


def _text_kind(inner: cells.Convert[str]) -> _Kind:
    def converter(spec: _FieldSpec, _: tzinfo) -> FieldConverter:
        return cells.choice(inner, spec.values, spec.only) if spec.values or spec.only else inner

    return _Kind(frozenset({"values", "only"}), converter)


_TEXT: Final = _text_kind(cells.to_text)
_KINDS: Final[dict[object, _Kind]] = {
    contracts.Id: _text_kind(cells.to_id),
    contracts.Name: _TEXT,
    contracts.Text: _TEXT,
    contracts.Count: _Kind(frozenset(), lambda _spec, _zone: cells.to_count),
    contracts.Moment: _Kind(
        frozenset({"format", "zone"}), lambda spec, zone: cells.moment_converter(spec.format, zone)
    ),
    contracts.Month: _Kind(frozenset({"format"}), lambda spec, _: cells.month_converter(spec.format)),
    Decimal: _Kind(frozenset(), lambda _spec, _zone: cells.to_decimal),
    date: _Kind(frozenset({"format"}), lambda spec, _: cells.date_converter(spec.format)),
}


def _converter(field: FieldInfo, spec: _FieldSpec, place: _Place, zone: tzinfo) -> FieldConverter:
    members = _union_members(field.type)
    (contract_type,) = (member for member in members if member not in (NoneType, UnsetType))
    kind = _KINDS[contract_type]
    for option in ("format", "zone", "values", "only"):
        if getattr(spec, option) and option not in kind.options:
            place.refuse(f"`{option}` has no meaning for it: remove it")
    if spec.empty and not {NoneType, UnsetType} <= set(members):
        place.refuse('`empty = "clear"` is for attributes of customers: remove it')
    if spec.empty and spec.default is not None:
        place.refuse("give either `default` or `empty`")
    _check_choices(spec, place)
    if spec.format is not None:
        _check_format(spec.format, place, needs_day=contract_type != contracts.Month)
    if spec.zone is not None:
        zone = _zone(spec.zone, key=place.field, stream=place.index)
    return kind.converter(spec, zone)


def _check_choices(spec: _FieldSpec, place: _Place) -> None:
    accepted = {text.casefold() for text in spec.only}
    for text, meant in spec.values.items():
        if accepted and meant.casefold() not in accepted:
            place.refuse(f"`values` turns {text!r} into {meant!r}, which `only` does not accept: add it there")


def _check_format(form: str, place: _Place, *, needs_day: bool) -> None:
    """Try a format on a sample, so that one that can't be right is told now and not in every row."""
    sample = datetime(2001, 2, 3, 4, 5, 6, tzinfo=UTC)
    try:
        parsed = datetime.strptime(sample.strftime(form), form)
    except (ValueError, re.error) as error:
        place.refuse(f"the format {form!r} can't be used: {error}")
    if (parsed.year, parsed.month) != (2001, 2) or (needs_day and parsed.day != 3):
        place.refuse(f"the format {form!r} does not say the whole {'date' if needs_day else 'month'}")


def _zone(name: str, *, key: str, stream: int | None) -> tzinfo:
    try:
        return UTC if name == "UTC" else ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        message = f"there is no time zone {name!r}: expected a name such as 'UTC' or 'Europe/Berlin'"
        raise _Mistake(message, key=key, stream=stream) from None


def _union_members(annotation: object) -> tuple[object, ...]:
    return get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)


def _typed(
    value: object, spec: type[Spec], *, key: str = "", stream: int | None = None, place: _Place | None = None
) -> Spec:
    """Convert one level of the document, and word what is wrong with it."""
    try:
        return msgspec.convert(value, spec)
    except msgspec.ValidationError as error:
        message, key = _worded(str(error), spec, key)
    if place:
        place.refuse(message)
    raise _Mistake(message, key=key, stream=stream)


def _worded(error: str, spec: type[Struct], key: str) -> tuple[str, str]:
    """msgspec's message in the words of a mapping file, and the key it is about."""
    reason, _, path = error.partition(" - at ")
    named = re.search(r"field `(.+)`", reason)
    if named and "unknown" in reason:
        return f"unknown key {named[1]!r}{_mend(named[1], spec.__struct_fields__)}", named[1]
    if named:
        return f"the key {named[1]!r} is missing", key
    key = re.split(r"[.\[]", path.strip("`").removeprefix("$."))[0] or key
    return (f"{key!r}: {reason}" if key != "$" else reason), key


def _mend(name: str, known: Iterable[str]) -> str:
    options: Sequence[str] = list(known)
    near = get_close_matches(name, options, n=1)
    return f": did you mean {near[0]!r}?" if near else f": expected one of {', '.join(options)}"


def _line_of(text: str, stream: int | None, key: str) -> int | None:
    """The line where a key of the how-manieth `[[streams]]` stands, or else where that stream begins."""
    current, header = None, None
    pattern = re.compile(rf"""\s*(\[?[\w.]*\.)?["']?{re.escape(key)}["']?\s*[\]=.]""")
    for number, line in enumerate(text.splitlines(), start=1):
        if re.match(r"\s*\[\[\s*streams\s*\]\]", line):
            current = 0 if current is None else current + 1
            header = number if current == stream else header
        elif key and current == stream and pattern.match(line):
            return number
    return header

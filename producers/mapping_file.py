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
from typing import Annotated, Any, Final, Literal, NoReturn, TypeVar, Union, get_args, get_origin
from zoneinfo import ZoneInfo

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType
from msgspec.structs import FieldInfo

from events import contracts, topics
from events.errors import UsageError
from events.identity import canonical_id
from producers import cells
from producers.columns import BulkConverter, FieldConverter
from producers.mapping import DERIVED, ColumnField, Mapping, StreamMapping
from producers.pages import Http
from producers.sources import Cell, CsvFormat, Names
from producers.sources.streams import UNDECODABLE


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
    csv: dict[str, Any] = {}
    records: str | None = None
    http: dict[str, Any] | None = None


class _StreamSpec(Struct, forbid_unknown_fields=True):
    stream: str
    fields: Annotated[dict[str, Any], Meta(min_length=1)]
    sheet: str | None = None
    identity: list[str] = []
    when: str | None = None
    on_error: Literal["reject", "stop"] = "reject"


class _FieldSpec(Struct, forbid_unknown_fields=True):
    column: str | list[str] | None = None
    format: str | None = None
    zone: str | None = None
    values: dict[str, str] = {}
    only: list[str] = []
    #: What an empty cell means; None stands for "not given", TOML has no null.
    default: Any = None
    #: The same value in every event, instead of a column.
    constant: Any = None
    empty: Literal["clear"] | None = None
    #: What stands between the parts of a cell, and the part that is meant.
    split: Annotated[str, Meta(min_length=1)] | None = None
    part: int | Literal["rest"] | None = None
    #: The decimal sign, and what may stand around a number.
    decimal: Literal[",", "."] | None = None
    symbols: list[Annotated[str, Meta(min_length=1)]] = []
    on_error: Literal["reject", "empty"] = "reject"


class _Mistake(Exception):
    """What is wrong in a mapping file, and where: the how-manieth stream, and the nearest key."""

    def __init__(self, message: str, *, key: str, stream: int | None = None) -> None:
        super().__init__(message)
        self.key = key
        self.stream = stream


Spec = TypeVar("Spec", _FileSpec, _StreamSpec, _FieldSpec, CsvFormat, Http)


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
    streams = tuple(_compile_stream(raw, index, zone) for index, raw in enumerate(spec.streams))
    http = None if spec.http is None else _typed(spec.http, Http, key="http")
    return Mapping(spec.source, streams, _csv_format(spec.csv), spec.records, http)


def _csv_format(raw: dict[str, Any]) -> CsvFormat:
    form = _typed(raw, CsvFormat, key="csv")
    for key, mark in (("delimiter", form.delimiter), ("quote", form.quote)):
        if mark is not None and len(mark) != 1:
            raise _Mistake(f"{key!r}: {mark!r} is not one character", key=key)
    try:
        b" ".decode(form.encoding or "utf-8", errors=UNDECODABLE)
    except (LookupError, UnicodeError):
        raise _Mistake(
            f"there is no encoding {form.encoding!r}: expected a name such as 'cp1252'", key="encoding"
        ) from None
    return form


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
    key = _compile_key(spec, fields, index)
    when = _names(spec.when) if spec.when else None
    return StreamMapping(model, spec.sheet, tuple(fields), constants, key, when, spec.on_error)


def _require_fields(spec: _StreamSpec, model: type[contracts.Event], index: int) -> None:
    for field in msgspec.structs.fields(model):
        if field.required and field.name not in spec.fields and field.name != DERIVED.get(spec.stream):
            message = f'stream {spec.stream!r} needs the field {field.name!r}: map it, {field.name} = "<column>"'
            raise _Mistake(message, key="fields", stream=index)
    if model is contracts.Transaction and not {"product_id", "category"} & spec.fields.keys():
        message = "stream 'transactions' needs 'product_id' or 'category': map one of them"
        raise _Mistake(message, key="fields", stream=index)


def _compile_key(spec: _StreamSpec, fields: Sequence[ColumnField], index: int) -> tuple[ColumnField, ...]:
    """The columns of the natural key: read as the field that they are mapped to, else as ids."""
    derived = DERIVED.get(spec.stream)
    if spec.identity and (derived is None or derived in spec.fields):
        reason = f"the field {derived!r} is mapped" if derived else f"stream {spec.stream!r} has its key"
        raise _Mistake(f"`identity` has no meaning here, since {reason}: remove it", key="identity", stream=index)
    whole = {field.column[0]: field for field in reversed(fields) if "part" not in _options(spec, field)}
    return tuple(
        whole.get(column) or ColumnField(column, _names(column), _of_cell(cells.to_id, UNSET, required=True))
        for column in map(str.strip, spec.identity)
    )


def _options(spec: _StreamSpec, field: ColumnField) -> Iterable[str]:
    value = spec.fields[field.name]
    return value if isinstance(value, dict) else ()


def _names(column: str | list[str]) -> Names:
    return tuple(name.strip() for name in ([column] if isinstance(column, str) else column))


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
    if spec.column is not None and not all(_names(spec.column) or [""]):
        place.refuse("the name of its column is empty")
    return spec


def _compile_field(field: FieldInfo, spec: _FieldSpec, place: _Place, zone: tzinfo) -> ColumnField:
    assert spec.column is not None
    kind, convert = _converter(field, spec, place, zone)
    if spec.default is not None:
        fallback = _fixed(spec.default, convert, place)
    elif spec.empty is not None:
        fallback = None
    else:
        fallback = UNSET
    required = field.required and spec.default is None
    if spec.on_error == "empty" and required:
        place.refuse('`on_error = "empty"` needs a `default`, since the field is required')
    bulk = kind.bulk(spec, zone)
    if spec.part is not None:
        convert, bulk = cells.part_of(convert, spec.split, spec.part), None
    convert = _of_cell(convert, fallback, required=required)
    if spec.on_error == "empty":
        convert = _forgiving(convert, fallback)
    return ColumnField(field.name, _names(spec.column), convert, bulk)


def _compile_constant(field: FieldInfo, spec: _FieldSpec, place: _Place, zone: tzinfo) -> object:
    if spec.default is not None or spec.empty is not None:
        place.refuse("a constant is never empty: remove `default` and `empty`")
    return _fixed(spec.constant, _converter(field, spec, place, zone)[1], place)


def _fixed(value: Cell, convert: FieldConverter, place: _Place) -> object:
    """A value that the mapping itself gives, converted and checked like a cell."""
    try:
        return convert(value.strip() if isinstance(value, str) else value)
    except ValueError as error:
        place.refuse(str(error))


def _of_cell(convert: FieldConverter, fallback: object, *, required: bool) -> FieldConverter:
    """Wrap a converter of non-empty cells with what an empty one means (or one without the part that is wanted)."""

    def optional(cell: Cell) -> object:
        if isinstance(cell, str):
            cell = cell.strip()
        value = None if cell is None or cell == "" else convert(cell)
        return fallback if value is None else value

    def mandatory(cell: Cell) -> object:
        if isinstance(cell, str):
            cell = cell.strip()
        value = None if cell is None or cell == "" else convert(cell)
        if value is None:
            raise ValueError("the cell is empty")
        return value

    return mandatory if required else optional


def _forgiving(convert: FieldConverter, fallback: object) -> FieldConverter:
    """Take a cell that can't be read for an empty one."""

    def converted(cell: Cell) -> object:
        try:
            return convert(cell)
        except ValueError:
            return fallback

    return converted


_COMPLAINTS: Final[dict[type, Callable[[Any], str | None]]] = {
    str: contracts.text_complaint,
    datetime: contracts.moment_complaint,
    Decimal: contracts.amount_complaint,
}


def _checked(field: FieldInfo, convert: FieldConverter) -> FieldConverter:
    """Hold what a converter gives against the contract, so that rows need no check of their own."""
    expected, rules = field.type, _COMPLAINTS

    def converted(cell: Cell) -> object:
        value = convert(cell)
        try:
            msgspec.convert(value, expected)
        except msgspec.ValidationError as error:
            raise ValueError(str(error).partition(" - at ")[0]) from None
        rule = rules.get(type(value))
        if rule and (complaint := rule(value)):
            raise ValueError(complaint)
        return value

    return converted


@dataclass(frozen=True, slots=True)
class _Kind:
    """What fields of one type have in common: the options they take, and how they are read."""

    options: frozenset[str]
    converter: Callable[[_FieldSpec, tzinfo], FieldConverter]
    #: How a whole column is read, if it can be.
    bulk: Callable[[_FieldSpec, tzinfo], BulkConverter | None] = lambda _spec, _zone: None


def _text_kind(
    inner: cells.Convert[str], bulk: BulkConverter | None = None, spelled: Callable[[str], str] = str
) -> _Kind:
    def converter(spec: _FieldSpec, _: tzinfo) -> FieldConverter:
        values = {text: spelled(meant) for text, meant in spec.values.items()}
        only = [spelled(text) for text in spec.only]
        return cells.choice(inner, values, only) if values or only else inner

    options = frozenset({"values", "only", "split", "part"})
    return _Kind(options, converter, lambda spec, _: None if spec.values or spec.only else bulk)


def _number_kind(inner: cells.Convert[Any]) -> _Kind:
    def converter(spec: _FieldSpec, _: tzinfo) -> FieldConverter:
        given = spec.decimal or spec.symbols
        return cells.local_number(inner, decimal=spec.decimal, symbols=spec.symbols) if given else inner

    return _Kind(frozenset({"decimal", "symbols", "split", "part"}), converter)


def _moment_bulk(spec: _FieldSpec, zone: tzinfo) -> BulkConverter | None:
    return cells.moment_column if spec.format is None and zone is UTC else None


_TEXT: Final = _text_kind(cells.to_text, cells.text_column)
_KINDS: Final[dict[object, _Kind]] = {
    contracts.Id: _text_kind(cells.to_id, cells.id_column, canonical_id),
    contracts.Name: _TEXT,
    contracts.Text: _TEXT,
    contracts.Currency: _text_kind(cells.to_currency, spelled=str.upper),
    contracts.Count: _number_kind(cells.to_count),
    contracts.Moment: _Kind(
        frozenset({"format", "zone", "split", "part"}),
        lambda spec, zone: cells.moment_converter(spec.format, zone),
        _moment_bulk,
    ),
    contracts.Month: _Kind(frozenset({"format", "split", "part"}), lambda spec, _: cells.month_converter(spec.format)),
    Decimal: _number_kind(cells.to_decimal),
    date: _Kind(frozenset({"format", "split", "part"}), lambda spec, _: cells.date_converter(spec.format)),
}

_KIND_OPTIONS: Final = ("format", "zone", "values", "only", "split", "part", "decimal", "symbols")


def _converter(field: FieldInfo, spec: _FieldSpec, place: _Place, zone: tzinfo) -> tuple[_Kind, FieldConverter]:
    members = _union_members(field.type)
    (contract_type,) = (member for member in members if member not in (NoneType, UnsetType))
    kind = _KINDS[contract_type]
    for option in _KIND_OPTIONS:
        if getattr(spec, option) and option not in kind.options:
            place.refuse(f"`{option}` has no meaning for it: remove it")
    if spec.empty and not {NoneType, UnsetType} <= set(members):
        place.refuse('`empty = "clear"` is for attributes of customers: remove it')
    if spec.empty and spec.default is not None:
        place.refuse("give either `default` or `empty`")
    if spec.part == 0 or (spec.split is not None and spec.part is None):
        place.refuse('`part` says which one: 1 for the first, -1 for the last, "rest" for all but the first')
    _check_choices(spec, place)
    if spec.format is not None:
        _check_format(spec.format, place, needs_day=contract_type != contracts.Month)
    if spec.zone is not None:
        zone = _zone(spec.zone, key=place.field, stream=place.index)
    return kind, _checked(field, kind.converter(spec, zone))


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
    value: object, spec: type[Spec], *, key: str = "", stream: int | None = None, place: "_Place | None" = None
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

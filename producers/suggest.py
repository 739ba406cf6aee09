"""A first draft of a mapping, made from a file's header and its first rows, for a person to finish."""

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from events import contracts, topics
from events.errors import UsageError
from producers import cells
from producers.mapping import DERIVED
from producers.sources import Batch, Cell, CsvFormat, Location, open_source

_SAMPLE_ROWS: Final = 500

#: Bytes that could not be decoded.
_NOT_UTF8: Final = re.compile("[\udc80-\udcff]")

#: Field to what its column is often called, beside the field's own name; without case, spaces, `_` and `-`.
_SYNONYMS: Final[dict[str, tuple[str, ...]]] = {
    "customer_id": ("customer", "customers", "custid", "clientid", "contact", "contactid", "userid", "id"),
    "first_name": ("firstname", "givenname", "forename"),
    "last_name": ("lastname", "surname", "familyname", "customername", "fullname"),
    "email": ("mail", "emailaddress", "email"),
    "phone": ("phonenumber", "telephone", "mobile"),
    "date_of_birth": ("birthdate", "dob", "birthday", "born"),
    "account_balance": ("balance",),
    "customer_type": ("type", "customertype"),
    "created_at": ("created", "signupdate", "registered", "since"),
    "channel": ("channelid", "interaction", "via", "medium"),
    "channel_type": ("channeltype",),
    "unit_price": ("unitpriceeur", "priceperunit"),
    "occurred_at": ("date", "datestart", "started", "timestamp", "orderdate", "senddate", "time", "at"),
    "product": ("productname", "topic"),
    "product_id": ("productid", "sku", "article", "itemid"),
    "name": ("productname", "channelname", "title"),
    "category": ("productcategory",),
    "price": ("unitprice", "listprice"),
    "count": ("interactionscount", "times", "number"),
    "revenue": ("revenueeur", "turnover"),
    "transaction_id": ("transaction", "orderid", "order", "receipt", "transactionid"),
    "event_id": ("eventid", "interactionid"),
    "quantity": ("qty", "units", "pieces"),
    "amount": ("totalamount", "total", "sum", "value", "price"),
    "currency": ("currencycode",),
    "month": ("month", "yearmonth", "date"),
}  # fmt: skip

_MOMENT_FORMATS: Final = tuple(
    f"{day}{time}"
    for time in ("", " %H:%M", " %H:%M:%S", " %I:%M %p")
    for day in ("%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d-%m-%Y", "%Y/%m/%d")
)
_MONTH_FORMATS: Final = ("%m-%Y", "%m/%Y", "%Y/%m", "%Y-%m-%d")


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A stream, and the columns that seem to be its fields."""

    stream: str
    columns: dict[str, str]
    missing: tuple[str, ...]

    @property
    def score(self) -> int:
        """Columns that are found count, those that are missing count twice against it."""
        return len(self.columns) - 2 * len(self.missing)


def suggest(location: Location, *, source: str, sheet: str | None = None) -> str:
    """Propose a mapping.

    Args:
        source: The name that it gives the source.
        sheet: Of a workbook.
    Returns: The text of a mapping file; what a person has to decide stands in comments.
    Raises: UsageError when the file can't be read or has no rows.
    """
    columns, form = _sample(location, sheet)
    best = max((_candidate(topic.name, columns) for topic in topics.STREAMS), key=lambda candidate: candidate.score)
    lines = [
        f"# A first draft, from {len(next(iter(columns.values())))} rows of {location.name}: read it, then try it with",
        "# `c360 replay FILE --dry-run`.",
        f"source = {_quoted(source)}",
        *([f"csv = {{ encoding = {_quoted(form.encoding)} }}"] if form.encoding else []),
        "",
        "[[streams]]",
        *([f"sheet = {_quoted(sheet)}"] if sheet else []),
        f'stream = "{best.stream}"',
        "",
        "[streams.fields]",
        *(_line(best.stream, field, column, columns[column]) for field, column in best.columns.items()),
        *(
            f'# {field} = "?"    the stream needs it: name its column, or {{ constant = ... }}'
            for field in best.missing
        ),
    ]
    left = [column for column in columns if column not in best.columns.values()]
    if left:
        lines += ["", f"# Columns that are not used: {', '.join(left)}"]
    return "\n".join(lines) + "\n"


def _sample(location: Location, sheet: str | None) -> tuple[dict[str, list[Cell]], CsvFormat]:
    """The first cells of each column; and how the file is written, when it is not in UTF-8."""
    form = CsvFormat()
    columns = _first_rows(location, sheet, form)
    if any(isinstance(cell, str) and _NOT_UTF8.search(cell) for column in columns.values() for cell in column):
        form = CsvFormat(encoding="cp1252")
        columns = _first_rows(location, sheet, form)
    return columns, form


def _first_rows(location: Location, sheet: str | None, form: CsvFormat) -> dict[str, list[Cell]]:
    with closing(open_source(location, form)) as source:
        batch: Batch | None = next(iter(source.table(sheet, ()).batches(_SAMPLE_ROWS)), None)
        if batch is None or not batch.numbers:
            raise UsageError(f"{location.address} has no rows to look at")
        found: dict[str, list[Cell]] = {}
        for place in range(len(batch.numbers)):
            for name, cell in batch.row(place).items():
                found.setdefault(name, []).append(cell)
    return {name: column for name, column in found.items() if name}


def _candidate(stream: str, columns: Mapping[str, Sequence[Cell]]) -> _Candidate:
    fields = msgspec.structs.fields(contracts.CONTRACTS[stream])
    taken: dict[str, str] = {}
    for field in fields:
        column = _column_of(field.name, [name for name in columns if name not in taken.values()])
        if column:
            taken[field.name] = column
    missing = [field.name for field in fields if field.required and field.name not in taken]
    return _Candidate(stream, taken, tuple(name for name in missing if name != DERIVED.get(stream)))


def _column_of(field: str, names: Sequence[str]) -> str | None:
    spelled = {re.sub(r"[\s_-]", "", name.casefold()): name for name in reversed(names)}
    for wanted in (field.replace("_", ""), *_SYNONYMS.get(field, ())):
        if wanted in spelled:
            return spelled[wanted]
    return None


def _line(stream: str, field: str, column: str, sample: Sequence[Cell]) -> str:
    texts = [cell.strip() for cell in sample if isinstance(cell, str) and cell.strip()]
    (info,) = (info for info in msgspec.structs.fields(contracts.CONTRACTS[stream]) if info.name == field)
    options = _options(str(info.type), field, texts)
    if not options:
        return f"{field} = {_quoted(column)}"
    told = ", ".join(f"{name} = {value}" for name, value in {"column": _quoted(column), **options}.items())
    return f"{field} = {{ {told} }}"


def _options(contract_type: str, field: str, texts: Sequence[str]) -> dict[str, str]:
    if not texts:
        return {}
    if field == "month":
        return _format_option(texts, _MONTH_FORMATS, cells.month_converter, "%Y-%m")
    if "date" in contract_type:
        return _format_option(texts, _MOMENT_FORMATS, cells.date_converter, None)
    if "Decimal" in contract_type:
        return _number_options(texts, cells.to_decimal)
    if "int" in contract_type:
        return _number_options(texts, cells.to_count)
    return {}


def _format_option(
    texts: Sequence[str],
    forms: Sequence[str],
    converter: Callable[[str | None], cells.Convert[object]],
    usual: str | None,
) -> dict[str, str]:
    """The format that reads most of the sample, if it is not the usual one."""
    best = max((usual, *forms), key=lambda form: _read_by(converter(form), texts))
    return {} if best == usual or best is None else {"format": _quoted(best)}


def _number_options(texts: Sequence[str], convert: cells.Convert[Any]) -> dict[str, str]:
    symbols = sorted({mark for text in texts for mark in re.findall(r"[€$£¥]|\b[A-Z]{3}\b", text)})
    plain = [re.sub(r"[€$£¥]|\b[A-Z]{3}\b", "", text).strip() for text in texts]
    options = {"symbols": f"[{', '.join(map(_quoted, symbols))}]"} if symbols else {}
    if _read_by(convert, plain) < len(plain):
        signs = {sign: _read_by(cells.local_number(convert, decimal=sign), plain) for sign in (".", ",")}
        last = [marks[-1] for text in plain if (marks := re.findall(r"[.,]", text))]
        options["decimal"] = _quoted(max(signs, key=lambda sign: (signs[sign], last.count(sign))))
    return options


def _read_by(convert: cells.Convert[object], texts: Sequence[str]) -> int:
    def reads(text: str) -> bool:
        try:
            convert(text)
        except ValueError:
            return False
        return True

    return sum(map(reads, texts))


def _quoted(text: str) -> str:
    """A TOML string."""
    return msgspec.json.encode(text).decode()

"""One cell to one value: text, ids, counts, amounts, moments, dates and months.

Every converter takes a cell that is not empty (text already stripped) and raises ValueError with a reason that a
person can act on. They are made once per mapping, so that nothing is looked up or interpreted per row.

The functions named `..._column` do the same for a whole column of text at once, many times faster, where every cell is
written as it should be; they answer None when a single one is not, and the column is converted cell by cell.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from decimal import Decimal
from itertools import pairwise
from typing import Final, Literal, TypeAlias, TypeVar

from events.contracts import EARLIEST, LATEST
from events.identity import canonical_id
from producers.sources import Cell

T = TypeVar("T")
Convert: TypeAlias = Callable[[Cell], T]

#: The least of the contract's limits on the length of text.
_SHORT: Final = 200

#: Excel keeps 15 digits of a number: of longer ones, the last are wrong already.
_EXACT_FLOAT_LIMIT: Final = 10**15

_PLAIN_DECIMAL = re.compile(r"([+-]?\d+)(?:\.(\d*))?")
_WHOLE_NUMBER = re.compile(r"([+-]?\d{1,30})(?:\.0*)?")


def shown(cell: Cell) -> str:
    """A cell as messages quote it: on one line and not too long."""
    text = cell if isinstance(cell, str) else str(cell)
    return repr(text if len(text) <= 50 else f"{text[:50]}…")


def to_text(cell: Cell) -> str:
    """Text as it is; numbers as people write them (12, 12.5)."""
    if isinstance(cell, str):
        return _as_utf8(cell)
    if isinstance(cell, bool) or not isinstance(cell, int | float | Decimal):
        raise ValueError(f"{shown(cell)} is {_kind_of(cell)}, not text: format the column as text")
    if isinstance(cell, float):
        return str(_exact_int(cell)) if cell.is_integer() else f"{cell:.15g}"
    return str(cell)


def to_id(cell: Cell) -> str:
    """The one spelling of an id, see `events.identity.canonical_id`."""
    if isinstance(cell, str):
        return canonical_id(_as_utf8(cell))
    if isinstance(cell, bool) or not isinstance(cell, int | float | Decimal):
        raise ValueError(f"{shown(cell)} is {_kind_of(cell)}, not an id: format the column as text")
    return canonical_id(_exact_int(cell) if isinstance(cell, float) and cell.is_integer() else cell)


def text_column(column: Sequence[str]) -> Sequence[str] | None:
    """Texts that are accepted as they are: printable ASCII without spaces, not empty, not too long for any field."""
    joined = " ".join(column)
    lengths = set(map(len, column))
    as_it_is = (
        joined.isascii()
        and joined.isprintable()
        and joined.count(" ") == len(column) - 1
        and 0 not in lengths
        and max(lengths) <= _SHORT
    )
    return column if as_it_is else None


def id_column(column: Sequence[str]) -> Sequence[str] | None:
    """Ids that are in canonical form already."""
    return None if ".0" in "\n".join(column) else text_column(column)


def to_currency(cell: Cell) -> str:
    """A currency's code in capitals: EUR."""
    return to_text(cell).upper()


def to_count(cell: Cell) -> int:
    """A whole number: 3, 3.0, "3"."""
    whole = None if isinstance(cell, bool) else _WHOLE_NUMBER.fullmatch(str(cell))
    if whole is None:
        raise ValueError(f"{shown(cell)} is not a whole number")
    return int(whole[1])


def to_decimal(cell: Cell) -> Decimal:
    """An exact amount without trailing zeros: 12.50 and 12.5 are the same, also for derived identities.

    A float stands for the 15 digits that Excel shows: 0.1 + 0.2, stored there as 0.30000000000000004, is 0.3.
    """
    if isinstance(cell, bool) or not isinstance(cell, str | int | float | Decimal):
        raise ValueError(f"{shown(cell)} is {_kind_of(cell)}, not a number")
    number = _PLAIN_DECIMAL.fullmatch(_digits(cell))
    if number is None:
        raise ValueError(f"{shown(cell)} is not a number: expected digits and at most one point")
    decimals = (number[2] or "").rstrip("0")
    # `or`: a negative zero would be another identity than zero.
    return Decimal(f"{number[1]}.{decimals}" if decimals else number[1]) or Decimal(0)


def local_number(inner: Convert[T], *, decimal: str | None = None, symbols: Sequence[str] = ()) -> Convert[T]:
    """Read numbers as people write them in their country: `1.234,50 €`, `(12.00)` for a negative one.

    Args:
        decimal: The decimal sign, `,` or `.`; the other one, spaces and apostrophes then group digits.
        symbols: Texts that may stand before or behind, such as `€`, `EUR`.
    """
    around = sorted(symbols, key=len, reverse=True)
    grouped = re.compile(
        rf"[+-]?\d{{1,3}}(?:[{'.' if decimal == ',' else ','}' \u00a0\u202f]\d{{3}})+(?:[{decimal}]\d*)?"
    )

    def convert(cell: Cell) -> T:
        if not isinstance(cell, str):
            return inner(cell)
        text = _without_symbols(cell, around)
        if decimal:
            if grouped.fullmatch(text):
                text = re.sub(rf"[^\d+{decimal}-]", "", text)
            elif decimal == "," and "." in text:
                raise ValueError(f"{shown(cell)} is not a number with a decimal comma")
            text = text.replace(decimal, ".")
        return inner(text)

    return convert


def _without_symbols(text: str, symbols: Sequence[str]) -> str:
    sign = ""
    for _ in range(2):  # one before, one behind
        for symbol in symbols:
            if text.startswith("-"):
                sign, text = "-", text[1:].lstrip()
            if text.startswith(symbol):
                text = text[len(symbol) :].lstrip()
            elif text.endswith(symbol):
                text = text[: -len(symbol)].rstrip()
    return sign + text


def part_of(inner: Convert[T], separator: str | None, part: int | Literal["rest"]) -> Callable[[Cell], T | None]:
    """Read one part of a cell that holds several: the first name, or the rest of a full name.

    Args:
        separator: What stands between parts; None: white space.
        part: The how-manieth, from 1, or from the end as -1; "rest": all but the first.
    Returns: None from the converter where there is no such part.
    """

    def convert(cell: Cell) -> T | None:
        text = to_text(cell)
        if part == "rest":
            found = text.split(separator, 1)[1:]
        else:
            place = part - 1 if part > 0 else part
            parts = text.split(separator)
            found = parts[place : place + 1 or None] if -len(parts) <= place else []
        chosen = found[0].strip() if found else ""
        return inner(chosen) if chosen else None

    return convert


def choice(inner: Convert[str], values: Mapping[str, str], only: Sequence[str]) -> Convert[str]:
    """Replace spellings, then accept but certain ones; case does not matter, the listed spelling is what comes out.

    Args:
        values: Spelling to what it means; others stay as they are.
        only: Accepted results; empty: all.
    """
    spelled = {text.casefold(): text for text in only}
    spelled |= {_fold(text): spelled.get(meant.casefold(), meant) for text, meant in values.items()}
    expected = ", ".join(repr(text) for text in only)

    def convert(cell: Cell) -> str:
        text = inner(cell)
        meant = spelled.get(text.casefold())
        if meant is not None:
            return meant
        if only:
            raise ValueError(f"{shown(text)} is not accepted here: expected one of {expected}")
        return text

    return convert


def moment_converter(form: str | None, zone: tzinfo) -> Convert[datetime]:
    """Make the converter of moments, to UTC.

    Args:
        form: strptime format of text; None: ISO 8601.
        zone: Where a moment without a zone is read.
    """
    parse = _text_parser(form)
    to_utc = _utc_converter(zone)

    def convert(cell: Cell) -> datetime:
        if isinstance(cell, str):
            return to_utc(parse(cell))
        return to_utc(_as_datetime(cell))

    return convert


def moment_column(column: Sequence[str]) -> Sequence[datetime] | None:
    """Moments in ISO 8601 without a zone, in UTC."""
    try:
        moments = [datetime.fromisoformat(cell + "+00:00") for cell in column]
        return moments if min(moments) >= EARLIEST and max(moments) < LATEST else None
    except (ValueError, TypeError):  # the latter of a day without a time, which takes the zone for one
        return None


def date_converter(form: str | None) -> Convert[date]:
    """Make the converter of calendar days; a time of day is cut off."""
    parse = _text_parser(form)
    return lambda cell: (parse(cell) if isinstance(cell, str) else _as_datetime(cell)).date()


def month_converter(form: str | None) -> Convert[str]:
    """Make the converter of months, to `YYYY-MM`."""
    parse = _text_parser(form or "%Y-%m")

    def convert(cell: Cell) -> str:
        day = parse(cell) if isinstance(cell, str) else _as_datetime(cell)
        return f"{day.year:04}-{day.month:02}"

    return convert


def _fold(text: str) -> str:
    return text.strip().casefold()


def _as_utf8(text: str) -> str:
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise ValueError(f"{shown(text)} is not UTF-8: save the file in that encoding") from None
    return text


def _digits(number: str | int | float | Decimal) -> str:
    """A number written out without an exponent."""
    if isinstance(number, float):
        number = Decimal(f"{number:.15g}")
    # Far outside of all bounds, 1e999999 would be written out with a million zeros.
    return format(number, "f") if isinstance(number, Decimal) and abs(number.adjusted()) < 400 else str(number)


def _exact_int(number: float) -> int:
    if abs(number) >= _EXACT_FLOAT_LIMIT:
        raise ValueError(f"{number:.0f} has more digits than Excel keeps: format the column as text")
    return int(number)


def _as_datetime(cell: Cell) -> datetime:
    if isinstance(cell, datetime):
        return cell
    if isinstance(cell, date):
        return datetime.combine(cell, time())
    raise ValueError(f"{shown(cell)} is {_kind_of(cell)}, not a date: format the column as dates, or as text")


def _kind_of(cell: Cell) -> str:
    return next((words for kinds, words in _KIND_WORDS if isinstance(cell, kinds)), "text")


_KIND_WORDS: Final[tuple[tuple[type | tuple[type, ...], str], ...]] = (
    (bool, "a truth value"),
    ((int, float, Decimal), "a number"),
    ((datetime, date), "a date"),
    ((time, timedelta), "a time of day"),
    (list, "a list"),
    (dict, "an object"),
)


def _utc_converter(zone: tzinfo) -> Callable[[datetime], datetime]:
    def from_zone(moment: datetime) -> datetime:
        try:
            if moment.tzinfo is not None:
                return moment.astimezone(UTC)
            utc = moment.replace(tzinfo=zone).astimezone(UTC)
            if utc.astimezone(zone).replace(tzinfo=None) != moment:
                raise ValueError(f"'{moment}' does not exist in zone {zone}: the clocks went forward over it")
        except OverflowError:
            raise ValueError(f"'{moment}' is too far from our time") from None
        return utc

    def from_utc(moment: datetime) -> datetime:
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else from_zone(moment)

    return from_utc if zone is UTC else from_zone


def _text_parser(form: str | None) -> Callable[[str], datetime]:
    if form is None:
        return _parse_iso
    return _numeric_parser(form) or _strptime_parser(form)


def _parse_iso(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{shown(text)} is not a date in ISO 8601 (2020-12-31 23:59)") from None


def _strptime_parser(form: str) -> Callable[[str], datetime]:
    def parse(text: str) -> datetime:
        try:
            return datetime.strptime(text, form)
        except ValueError:
            raise ValueError(f"{shown(text)} is not a date of the form {form}") from None

    return parse


#: In the order of datetime's arguments.
_NUMERIC_DIRECTIVES: Final = ("%Y", "%m", "%d", "%H", "%M", "%S")


def _numeric_parser(form: str) -> Callable[[str], datetime] | None:
    """Like strptime (which takes 5 microseconds) in a third of its time, for formats made of separated numbers.

    Returns: None for other formats.
    """
    tokens = re.findall(r"%.|[^%]+", form)
    directives = [token for token in tokens if token[0] == "%"]
    wanted = _NUMERIC_DIRECTIVES[: len(directives)]
    adjacent = any(a[0] == b[0] == "%" for a, b in pairwise(tokens))
    if len(wanted) < 3 or sorted(directives) != sorted(wanted) or adjacent:
        return None
    match = re.compile("".join(map(_pattern, tokens)), re.IGNORECASE).fullmatch
    groups = [directives.index(directive) + 1 for directive in wanted]

    def parse(text: str) -> datetime:
        numbers = match(text)
        if numbers is None:
            raise ValueError(f"{shown(text)} is not a date of the form {form}")
        try:
            return datetime(*map(int, numbers.group(*groups)))  # type: ignore[arg-type]
        except ValueError as error:
            raise ValueError(f"{shown(text)} is not a date: {error}") from None

    return parse


def _pattern(part: str) -> str:
    if part == "%Y":
        return r"(\d{4})"
    return r"(\d{1,2})" if part[0] == "%" else re.sub(r"(\\\s)+", r"\\s+", re.escape(part))

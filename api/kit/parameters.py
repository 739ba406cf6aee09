"""Parameters that several subjects take: customer ids, names, periods; and how ids look in an answer."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Annotated, Any, Final

from fastapi import Depends, Path, Query
from fastapi.exceptions import RequestValidationError
from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from events.identity import canonical_id

#: Numbers up to here are exact in every JSON reader (RFC 8259 section 6).
_LARGEST_NUMBER: Final = 2**53 - 1
_NUMBER: Final = re.compile(r"0|-?[1-9][0-9]{0,15}")
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_RFC_3339: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}([Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2}))?"
)


def id_as_json(customer_id: str) -> int | str:
    """How an id is written in an answer: a number where it is one, and text where that could lose something ("007")."""
    if _NUMBER.fullmatch(customer_id) and abs(int(customer_id)) <= _LARGEST_NUMBER:
        return int(customer_id)
    return customer_id


def _stripped(text: str) -> str:
    """What the contracts accept as text, with the white space around it removed first."""
    if "\0" in text:
        raise ValueError("must not contain a NUL character")
    if not text.strip():
        raise ValueError("must not be blank")
    return text.strip()


def _moment(text: Any) -> datetime:
    if not isinstance(text, str) or not _RFC_3339.fullmatch(text):
        raise ValueError("expected a date (2020-03-01) or a moment (2020-03-01T12:00:00Z; write a + as %2B)")
    try:
        moment = datetime.fromisoformat(text.upper())
        return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"there is no such moment: {error}") from error


def _day(text: Any) -> date:
    if not isinstance(text, str) or not _DAY.fullmatch(text):
        raise ValueError("expected a date (2020-03-01)")
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f"there is no such day: {error}") from error


#: Tells clients what `_stripped` refuses.
_PATTERN: Final = {"pattern": r"^[^\x00]*[^\s\x00][^\x00]*$"}

CustomerId = Annotated[
    str,
    Path(
        min_length=1,
        max_length=200,
        json_schema_extra=_PATTERN,
        description="The customer's id; ` 1 ` and `1.0` are customer 1.",
        openapi_examples={"a number": {"value": "1"}},
    ),
    AfterValidator(_stripped),
    AfterValidator(canonical_id),
]

#: Name of a product, channel or customer type, spelled as in the events.
Name = Annotated[str, Field(min_length=1, max_length=200, json_schema_extra=_PATTERN), AfterValidator(_stripped)]

_MOST_NAMES: Final = 20

#: A filter that may be repeated.
Narrowing = Annotated[
    list[Name], Query(default_factory=list, max_length=_MOST_NAMES, description="Only these; may be repeated.")
]

Moment = Annotated[
    datetime,
    BeforeValidator(_moment),
    WithJsonSchema({"anyOf": [{"type": "string", "format": "date"}, {"type": "string", "format": "date-time"}]}),
]

Day = Annotated[date, BeforeValidator(_day), WithJsonSchema({"type": "string", "format": "date"})]


@dataclass(frozen=True, slots=True)
class Period:
    """A stretch of time in UTC, from inclusive, to exclusive; None: open at that end."""

    start: datetime | None
    end: datetime | None

    @property
    def bounded(self) -> bool:
        """False: all of time."""
        return self.start is not None or self.end is not None


@dataclass(frozen=True, slots=True)
class Days:
    """A stretch of days (UTC), from inclusive, to exclusive; None: open at that end."""

    start: date | None
    end: date | None


async def _period(
    start: Annotated[
        Moment | None,
        Query(alias="from", description="From this moment on, inclusive; a date is its midnight (UTC)."),
    ] = None,
    end: Annotated[
        Moment | None,
        Query(alias="to", description="Up to this moment, exclusive; a date is its midnight (UTC)."),
    ] = None,
) -> Period:
    _refuse_empty(start, end)
    return Period(start, end)


async def _days(
    start: Annotated[Day | None, Query(alias="from", description="From this day on (UTC), inclusive.")] = None,
    end: Annotated[Day | None, Query(alias="to", description="Up to this day (UTC), exclusive.")] = None,
) -> Days:
    _refuse_empty(start, end)
    return Days(start, end)


def _refuse_empty(start: date | None, end: date | None) -> None:
    if start and end and start >= end:
        raise RequestValidationError([{"loc": ("query", "from"), "msg": "must be before `to`", "type": "value_error"}])


#: For endpoints: the parameters `from` and `to`.
PeriodDependency = Annotated[Period, Depends(_period)]

#: For endpoints: the parameters `from` and `to`, in whole days.
DaysDependency = Annotated[Days, Depends(_days)]

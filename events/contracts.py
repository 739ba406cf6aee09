"""One model per stream: the fields of an event, their types and bounds. JSON Schema and validation come from here.

Decoding (msgspec) enforces types, lengths and required fields; `check` adds what a type can't say. Whoever publishes
calls `check` first; the processors apply the same rules to a whole chunk at a time.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from decimal import Context, Decimal, InvalidOperation, Rounded, localcontext
from typing import Annotated, ClassVar, Final

import msgspec
from msgspec import UNSET, Meta, UnsetType

from events import topics
from events.errors import RejectedEvent
from events.identity import canonical_id

#: Larger events are refused: they are mistakes, and one of them would hold up everybody else's.
MAX_EVENT_BYTES: Final = 1_000_000

#: Moments outside are refused: they are typing errors (year 0219) or placeholders (9999-12-31), not history.
EARLIEST: Final = datetime(1900, 1, 1, tzinfo=UTC)
LATEST: Final = datetime(2200, 1, 1, tzinfo=UTC)

#: |amount| is below this and has at most 6 decimals, so that sums of any length stay exact in 28 digits.
AMOUNT_LIMIT: Final = Decimal(10) ** 12
AMOUNT_DECIMALS: Final = 6
#: Sums of a chunk's amounts are exact in it, or fail.
_EXACT: Final = Context(prec=40, traps=[InvalidOperation, Rounded])

Id = Annotated[str, Meta(min_length=1, max_length=200, description="In canonical form: events.identity.canonical_id.")]
Name = Annotated[str, Meta(min_length=1, max_length=200)]
Text = Annotated[str, Meta(max_length=2000)]
Moment = Annotated[datetime, Meta(tz=True, description="RFC 3339 with a zone; stored in UTC.")]
# The years are those of EARLIEST and LATEST.
Month = Annotated[str, Meta(pattern=r"^(19|20|21)[0-9]{2}-(0[1-9]|1[0-2])$(?!\n)", description="YYYY-MM, 1900 to 2199")]
Currency = Annotated[str, Meta(pattern=r"^[A-Z]{3}$(?!\n)", description="ISO 4217, such as EUR")]
Count = Annotated[int, Meta(ge=1, le=1_000_000_000)]


class Event(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Base of all events; unknown fields are ignored so that a producer may be newer than a processor."""

    topic: ClassVar[topics.Topic]
    #: Counts up when a change would be misread by an older processor; travels in the `ce_type` header.
    version: ClassVar[int] = 1

    @property
    def key(self) -> str:
        """The record key: decides the partition, and so the worker."""
        raise NotImplementedError

    @property
    def identity(self) -> str:
        """Two events of a stream with the same identity speak of the same fact."""
        return self.key


class Customer(Event, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """Attributes of a customer. An absent attribute stays as it is, an explicit null clears it."""

    topic = topics.CUSTOMERS

    #: Who it is.
    customer_id: Id
    #: Personal data, as all that follows up to occupation.
    first_name: Text | None | UnsetType = UNSET
    #: Family name.
    last_name: Text | None | UnsetType = UNSET
    #: E-mail address.
    email: Text | None | UnsetType = UNSET
    #: Telephone number, as the source writes it.
    phone: Text | None | UnsetType = UNSET
    #: Postal address in one text.
    address: Text | None | UnsetType = UNSET
    #: RFC 3339 date.
    date_of_birth: date | None | UnsetType = UNSET
    #: In the account's own currency.
    account_balance: Decimal | None | UnsetType = UNSET
    #: What the customer works as.
    occupation: Text | None | UnsetType = UNSET
    #: What product interest is counted by.
    customer_type: Name | None | UnsetType = UNSET
    #: Where marketing sees the customer; each change is kept as history.
    segment: Name | None | UnsetType = UNSET
    #: Line of business.
    industry: Name | None | UnsetType = UNSET
    #: As the source writes it.
    country: Name | None | UnsetType = UNSET
    #: Account that the customer belongs to.
    account_id: Id | None | UnsetType = UNSET
    #: When the customer came into being, by the source.
    created_at: Moment | None | UnsetType = UNSET

    @property
    def key(self) -> str:
        return self.customer_id


#: The attributes that a customer event may set, in the order of the columns of table `customers`.
CUSTOMER_ATTRIBUTES: Final = tuple(name for name in Customer.__struct_fields__ if name != "customer_id")


class Interaction(Event, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """A customer was in touch `count` times on a channel; a later event with the same event_id replaces it."""

    topic = topics.INTERACTIONS

    #: Told again, it is the same fact.
    event_id: Id
    #: Who was in touch; the customers stream need not know the customer.
    customer_id: Id
    #: On what, such as Email or Call.
    channel: Name
    #: When.
    occurred_at: Moment
    #: None: belongs to every product that was discussed in its month (UTC).
    product: Name | None = None
    #: How many contacts the fact stands for.
    count: Count = 1
    #: In EUR; may be negative (a refund).
    revenue: Decimal | None = None

    @property
    def key(self) -> str:
        return self.customer_id

    @property
    def identity(self) -> str:
        return self.event_id


class ProductDiscussion(Event, frozen=True, kw_only=True, gc=False):
    """In this month (UTC) this product was the topic of discussion; several products may share a month."""

    topic = topics.PRODUCT_DISCUSSIONS

    #: The month (UTC).
    month: Month
    #: What was discussed, by the name that interactions use.
    product: Name

    @property
    def key(self) -> str:
        return self.month

    @property
    def identity(self) -> str:
        return f"{self.month} {self.product}"


class Channel(Event, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """What a channel is; a later event replaces all of it."""

    topic = topics.CHANNELS

    #: What interactions call it.
    channel: Name
    #: Name for people.
    name: Name | None = None
    #: What kind of channel it is.
    channel_type: Name | None = None
    #: In EUR per interaction.
    unit_price: Decimal | None = None

    @property
    def key(self) -> str:
        return self.channel


class Product(Event, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """What a product is; a later event replaces all of it, a tombstone retires it."""

    topic = topics.PRODUCTS

    #: What transactions call it.
    product_id: Id
    #: Name for people.
    name: Name | None = None
    #: What transactions that name no category count under.
    category: Name | None = None
    #: Of one unit, in the currency of the catalogue.
    price: Decimal | None = None

    @property
    def key(self) -> str:
        return self.product_id


class Transaction(Event, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """A customer bought something; a later event with the same transaction_id replaces it."""

    topic = topics.TRANSACTIONS

    #: Told again, it is the same fact.
    transaction_id: Id
    #: Who bought; the customers stream need not know the customer.
    customer_id: Id
    #: When.
    occurred_at: Moment
    #: At least one of product_id and category is told; without a category, that of the product counts.
    product_id: Id | None = None
    #: What it counts under, whatever the category of the product.
    category: Name | None = None
    #: Units bought.
    quantity: Count = 1
    #: Of all units together; may be negative (a refund).
    amount: Decimal
    #: Of the amount; nothing is converted.
    currency: Currency

    @property
    def key(self) -> str:
        return self.customer_id

    @property
    def identity(self) -> str:
        return self.transaction_id


class RejectedRow(Event, frozen=True, kw_only=True, gc=False):
    """A row of a source that could not become an event: what it said, where it stood, and why it was refused."""

    topic = topics.REJECTED_EVENTS

    #: Same row of the same source, same id: replaying a file lists its bad rows once.
    reject_id: Id
    #: The stream that the row was meant for.
    stream: Name
    #: File name or URL.
    source: Text
    #: Where in the source, for people: "sheet 'Customers', row 12".
    place: Text
    #: What is wrong, and what would be right.
    reason: Text
    #: Name of the offending column, or None.
    column: Text | None = None
    #: The row as it was read: column name to text.
    row: dict[str, str | None]

    @property
    def key(self) -> str:
        return self.source[:200] or "unknown"

    @property
    def identity(self) -> str:
        return self.reject_id


CONTRACTS: Final[dict[str, type[Event]]] = {
    model.topic.name: model
    for model in (Channel, Product, ProductDiscussion, Customer, Interaction, Transaction, RejectedRow)
}

_ID_FIELDS: Final = frozenset({"customer_id", "account_id", "product_id"})


def check(event: Event) -> None:
    """Apply the rules that the types of an event can't express.

    Raises: RejectedEvent naming the first field at fault and what would be right.
    """
    for name in event.__struct_fields__:
        value = getattr(event, name)
        rule = _RULES.get(type(value))
        complaint = rule(value) if rule else None
        if complaint is None and name in _ID_FIELDS and isinstance(value, str) and canonical_id(value) != value:
            complaint = f"{value!r} is not in canonical form: expected {canonical_id(value)!r}"
        if complaint:
            raise RejectedEvent(complaint, field=f"$.{name}")
    if isinstance(event, Transaction) and event.product_id is None and event.category is None:
        raise RejectedEvent("neither product_id nor category is told: at least one must be", field="$.product_id")


def text_complaint(value: str) -> str | None:
    """What is wrong with a text, or None."""
    if "\0" in value:
        return "contains a NUL character: remove it"
    if value != value.strip():
        return f"{value[:50]!r} begins or ends with white space: remove it"
    return None


def moment_complaint(value: datetime) -> str | None:
    """What is wrong with a moment, or None."""
    if EARLIEST <= value < LATEST:
        return None
    return f"{value.isoformat()} is not between {EARLIEST.year} and {LATEST.year}"


def amount_complaint(value: Decimal) -> str | None:
    """What is wrong with an amount, or None."""
    exponent = value.as_tuple().exponent
    if not isinstance(exponent, int):
        return f"{value} is not a finite number"
    # Not abs(value), which fails for exponents of many digits; and a zero may have such an exponent, too.
    if -AMOUNT_LIMIT < value < AMOUNT_LIMIT and -AMOUNT_DECIMALS <= exponent < AMOUNT_LIMIT.adjusted():
        return None
    return f"{value} is out of range: expected at most 12 digits before and {AMOUNT_DECIMALS} after the point"


def all_amounts_well(amounts: Sequence[Decimal]) -> bool:
    """Whether `amount_complaint` has none about any of them, in a fifth of the time that asking of each takes."""
    try:
        with localcontext(_EXACT):
            exponent = sum(amounts, Decimal(0)).as_tuple().exponent  # that of the amount with most decimals
    except ArithmeticError:
        return False
    return (
        isinstance(exponent, int)
        and exponent >= -AMOUNT_DECIMALS
        and all(-AMOUNT_LIMIT < extreme < AMOUNT_LIMIT for extreme in (min(amounts), max(amounts)))
        and (all(amounts) or not any(amount_complaint(amount) for amount in amounts if not amount))
    )


_RULES: Final[dict[type, Callable[..., str | None]]] = {
    str: text_complaint,
    datetime: moment_complaint,
    Decimal: amount_complaint,
}

"""A whole installation within one process, and the truth about it beside it, for tests that try everything.

`World` is the broker (records by partition), the workers (engines of their own on one Postgres) and whatever goes wrong
between them. `Truth` counts in plain Python what must come out; it shares no code with the processors.
"""

import asyncio
import re
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Hashable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import partial
from itertools import accumulate, pairwise
from typing import Any, Final, Literal, TypeVar
from uuid import UUID

import faust
import psycopg
from msgspec import UNSET
from msgspec.structs import replace
from psycopg import AsyncConnection

from events import encoding, topics
from events.admin import Cluster, TopicState
from events.contracts import (
    CUSTOMER_ATTRIBUTES,
    Channel,
    Customer,
    Event,
    Interaction,
    Product,
    ProductDiscussion,
    RejectedRow,
    Transaction,
)
from events.identity import fact_id
from stream_processors import binary, views
from stream_processors.app import streams
from stream_processors.catalogue import Catalogue
from stream_processors.chunks import Chunk
from stream_processors.dispatcher import Delivery
from stream_processors.engine import Engine
from stream_processors.positions import OUTCOMES
from stream_processors.tables import RunningTotal, Tables
from stream_processors.unit_of_work import Decoded, NeedsReattribution

PARTITIONS: Final = 3
CLUSTER: Final = Cluster("cluster", {topic.name: TopicState(f"id of {topic.name}", PARTITIONS) for topic in topics.ALL})
STREAMS: Final = tuple(topic.name for topic in topics.ALL)
CUSTOMER_KEYED: Final = {topic.name for topic in topics.ALL if topic.customer_keyed}
PLACES: Final = tuple((topic, partition) for topic in STREAMS for partition in range(PARTITIONS))

Forgotten = Literal["anonymous", "removed"]
Row = tuple[Any, ...]
Place = tuple[str, int, int]

_UUID: Final = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_MICROSECOND: Final = timedelta(microseconds=1)
#: What an anonymous customer keeps: docs/forgetting.md.
_KEPT: Final = ("customer_type", "segment", "industry", "country")
_QUESTIONS: Final = """
    SELECT left(table_name, -length('_from_facts')) FROM information_schema.views
    WHERE table_schema = 'public' AND table_name LIKE '%from_facts' ORDER BY 1
"""
_TABLES: Final = """
    SELECT table_name FROM information_schema.tables
    WHERE table_schema = 'public' AND table_type = 'BASE TABLE' AND table_name NOT LIKE '%yoyo%'
        AND table_name NOT IN ('definitions', 'reattribution')
    ORDER BY 1
"""

_app = faust.App("properties", store="memory://", TableManager=Tables)
_Fact = TypeVar("_Fact", Interaction, Transaction)


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """A tombstone: of a fact (its id), of a discussion (its product, None for all), or of whatever its key names."""

    key: str
    what: str | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """A record as the broker has it, and what it means to say; None for one that must be refused."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]]
    meaning: Event | Withdrawn | None


Unit = Sequence[tuple[Chunk, Sequence[Told]]]


@dataclass(slots=True)
class Truth:
    """What must be stored once all that was committed is taken together."""

    forgotten: Forgotten = "anonymous"
    customers: dict[str, dict[str, Any]] = field(default_factory=dict)
    #: When which segment was told, of each customer.
    segments: dict[str, list[tuple[datetime, str | None]]] = field(default_factory=lambda: defaultdict(list))
    interactions: dict[str, Interaction] = field(default_factory=dict)
    transactions: dict[str, Transaction] = field(default_factory=dict)
    products: dict[str, Product] = field(default_factory=dict)
    channels: dict[str, Channel] = field(default_factory=dict)
    #: Earliest interaction ever told on each channel.
    first_at: dict[str, datetime] = field(default_factory=dict)
    discussions: set[tuple[str, str]] = field(default_factory=set)
    #: What was refused and is listed, by where it was read.
    rejects: dict[Place, Told] = field(default_factory=dict)
    outcomes: dict[tuple[str, int], Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    #: Partition number of each anonymous customer; what they are called in the database is not for us to say.
    anonymous: dict[str, int] = field(default_factory=dict)
    ever_forgotten: set[str] = field(default_factory=set)

    def add(self, unit: Unit) -> None:
        """Take the chunks of a unit of work in: what is refused first, then the records in order."""
        for chunk, records in unit:
            for record in records:
                if record.meaning is None:
                    self.rejects[chunk.topic, chunk.partition, record.offset] = record
        for chunk, records in unit:
            counts = self.outcomes[chunk.topic, chunk.partition]
            for record in records:
                counts[self._outcome((chunk.topic, chunk.partition, record.offset), record)] += 1
            counts["skipped"] += records[-1].offset + 1 - chunk.start - len(records)

    def _outcome(self, place: Place, record: Told) -> str:  # noqa: C901, PLR0911 - one per kind of event
        match record.meaning:
            case None:
                return "rejected"
            case Customer() as told:
                return self._merge(told, record.timestamp)
            case Interaction() as told:
                at = told.occurred_at
                self.first_at[told.channel] = min(at, self.first_at.get(told.channel, at))
                return _put(self.interactions, identity(told.event_id), told)
            case Transaction() as told:
                return _put(self.transactions, identity(told.transaction_id), told)
            case Channel() as told:
                return _put(self.channels, told.channel, told)
            case Product() as told:
                return _put(self.products, told.product_id, told)
            case ProductDiscussion(month=month, product=product):
                outcome = "repeated" if (month, product) in self.discussions else "new"
                self.discussions.add((month, product))
                return outcome
            case RejectedRow(reject_id=reject_id):
                if any(is_row(one, reject_id) for one in self.rejects.values()):
                    return "repeated"
                self.rejects[place] = record
                return "new"
            case Withdrawn(key, what):
                return self._withdraw(place, key, what)
        raise AssertionError(record)

    def _withdraw(self, place: Place, key: str, what: str | None) -> str:
        match place[0]:
            case "customers":
                gone = self._forget(place, key)
            case "product_discussions":
                meant = {one for one in self.discussions if one[0] == key and what in (None, one[1])}
                self.discussions -= meant
                gone = bool(meant)
            case "interactions":
                gone = self.interactions.pop(identity(str(what)), None) is not None
            case "transactions":
                gone = self.transactions.pop(identity(str(what)), None) is not None
            case "channels":
                gone = self.channels.pop(key, None) is not None
            case _:
                gone = self.products.pop(key, None) is not None
        return "withdrawn" if gone else "repeated"

    def _merge(self, told: Customer, timestamp: int) -> str:
        key = told.customer_id
        before = self.customers.get(key)
        after = dict(before or dict.fromkeys(CUSTOMER_ATTRIBUTES))
        for name in CUSTOMER_ATTRIBUTES:
            if (value := getattr(told, name)) is not UNSET:
                after[name] = value
        self.customers[key] = after
        if (before or {}).get("segment") != after["segment"]:
            moment = datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=timestamp)
            if self.segments[key]:
                moment = max(moment, self.segments[key][-1][0] + _MICROSECOND)
            self.segments[key].append((moment, after["segment"]))
        return "new" if before is None else "repeated" if before == after else "corrected"

    def _forget(self, place: Place, key: str) -> bool:
        """Nothing is left of the customer but what an anonymous one, or nobody, takes over."""
        _, partition, offset = place
        self.ever_forgotten.add(key)
        self.rejects = {
            where: record
            for where, record in self.rejects.items()
            if not mentions(where[0], record, key) or (where[:2] == ("customers", partition) and where[2] > offset)
        }
        profile, history = self.customers.pop(key, None), self.segments.pop(key, [])
        interactions = {one for one, fact in self.interactions.items() if fact.customer_id == key}
        transactions = {one for one, fact in self.transactions.items() if fact.customer_id == key}
        if self.forgotten == "removed":
            for one in interactions:
                del self.interactions[one]
            for one in transactions:
                del self.transactions[one]
        elif profile or interactions or transactions:
            heir = f"anonymous customer {len(self.anonymous)}"
            self.anonymous[heir] = partition
            if profile:
                self.customers[heir] = dict.fromkeys(CUSTOMER_ATTRIBUTES) | {name: profile[name] for name in _KEPT}
            if history:
                self.segments[heir] = history
            for one in interactions:
                self.interactions[one] = replace(self.interactions[one], customer_id=heir)
            for one in transactions:
                self.transactions[one] = replace(self.transactions[one], customer_id=heir)
        return profile is not None

    # The questions, by the names of the views that answer them

    def channel_totals(self) -> set[Row]:
        return {
            (
                *key,
                sum(one.count for one in facts),
                sum((one.revenue or Decimal(0) for one in facts), Decimal(0)),
                min(one.occurred_at for one in facts),
                max(one.occurred_at for one in facts),
            )
            for key, facts in grouped(self.interactions, lambda one: (one.customer_id, one.channel)).items()
        }

    def customer_counts(self) -> set[Row]:
        return {*Counter(self.home_of(key) for key in self.customers).items()}

    def channel_activity_parts(self) -> set[Row]:
        return self._activity(lambda one: (one.channel, self.home(one)))

    def channel_activity(self) -> set[Row]:
        return self._activity(lambda one: (one.channel,))

    def topic_totals(self) -> set[Row]:
        totals: Counter[tuple[Any, ...]] = Counter()
        for one, product in self._topics():
            totals[one.customer_id, one.channel, product, self.home(one)] += one.count
        return {(*key, total) for key, total in totals.items()}

    def product_interest_parts(self) -> set[Row]:
        return self._interest(lambda one: (self.home(one),))

    def product_interest(self) -> set[Row]:
        return self._interest(lambda one: ())  # noqa: ARG005

    def customer_purchases(self) -> set[Row]:
        return {
            (customer, *sums(facts), min(map(day, facts)), max(map(day, facts)))
            for customer, facts in grouped(self.transactions, lambda one: one.customer_id).items()
        }

    def category_amounts(self) -> set[Row]:
        groups = grouped(self.transactions, lambda one: (one.customer_id, self._category(one)))
        return {(*key, *sums(facts)) for key, facts in groups.items()}

    def daily_sales_parts(self) -> set[Row]:
        groups = grouped(self.transactions, lambda one: (day(one), one.currency, self.home(one)))
        return {(*key, *sums(facts), len(buyers(facts))) for key, facts in groups.items()}

    def daily_sales(self) -> set[Row]:
        groups = grouped(self.transactions, lambda one: (day(one), one.currency))
        return {(*key, *sums(facts), len(buyers(facts))) for key, facts in groups.items()}

    def product_sales_parts(self) -> set[Row]:
        groups = grouped(self._of_products(), lambda one: (one.product_id, self.home(one)))
        return {
            (*key, *sums(facts), len(buyers(facts)), max(one.occurred_at for one in facts))
            for key, facts in groups.items()
        }

    def product_sales(self) -> set[Row]:
        return {
            (product, *sums(facts), len(buyers(facts)), max(one.occurred_at for one in facts))
            for product, facts in grouped(self._of_products(), lambda one: one.product_id).items()
        }

    def daily_revenue(self) -> set[Row]:
        facts: dict[tuple[str, date], list[tuple[Decimal, int]]] = defaultdict(list)
        for contact in self.interactions.values():
            facts[contact.customer_id, day(contact)].append((contact.revenue or Decimal(0), contact.count))
        for bought in self.transactions.values():
            facts[bought.customer_id, day(bought)].append((bought.amount, 0))
        return {
            (*key, len(these), sum((one[0] for one in these), Decimal(0)), sum(one[1] for one in these))
            for key, these in facts.items()
        }

    def segment_changes(self) -> set[Row]:
        return {
            (customer, moment, old, new)
            for customer, history in self.segments.items()
            for (_, old), (moment, new) in pairwise(history)
        }

    def home(self, fact: Interaction | Transaction) -> int:
        """Partition number of the customer."""
        return self.home_of(fact.customer_id)

    def home_of(self, customer: str) -> int:
        """Partition number of a customer."""
        known = self.anonymous.get(customer)
        return topics.partition_of(customer.encode(), PARTITIONS) if known is None else known

    def estate(self, customer: str) -> str:
        """All there is of a customer, as a text."""
        facts = [
            {UUID(bytes=fact_id(name)) for name, one in of.items() if one.customer_id == customer}
            for of in (self.interactions, self.transactions)
        ]
        profile = self.customers.get(customer)
        row = None if profile is None else (self.home_of(customer), *(profile[name] for name in _KEPT))
        return _estate(*facts, self.segments.get(customer, []), row)

    def _activity(self, key: Callable[[Interaction], Row]) -> set[Row]:
        return {(*of, sum(one.count for one in facts)) for of, facts in grouped(self.interactions, key).items()}

    def _interest(self, part: Callable[[Interaction], Row]) -> set[Row]:
        totals: Counter[Row] = Counter()
        talkers: dict[Row, set[str]] = defaultdict(set)
        for one, product in self._topics():
            key = (self.customers.get(one.customer_id, {}).get("customer_type") or "unknown", product, *part(one))
            totals[key] += one.count
            talkers[key].add(one.customer_id)
        return {(*key, total, len(talkers[key])) for key, total in totals.items()}

    def _topics(self) -> list[tuple[Interaction, str]]:
        return [
            (one, product)
            for one in self.interactions.values()
            for product in (
                [one.product]
                if one.product is not None
                else [name for month, name in self.discussions if month == f"{one.occurred_at.astimezone(UTC):%Y-%m}"]
            )
        ]

    def _category(self, one: Transaction) -> str:
        product = self.products.get(one.product_id or "")
        return one.category or (product and product.category) or "unknown"

    def _of_products(self) -> dict[str, Transaction]:
        return {name: one for name, one in self.transactions.items() if one.product_id is not None}


def _put(known: dict[str, Any], key: str, told: Any) -> str:
    """Note the last word; two that differ in nothing but the spelling of their identity say the same."""
    before = known.get(key)
    known[key] = told
    if before is None:
        return "new"
    return "repeated" if content(before) == content(told) else "corrected"


def _estate(interactions: set[UUID], transactions: set[UUID], history: list[Row], row: Row | None) -> str:
    return repr((sorted(interactions), sorted(transactions), sorted(history), row))


def grouped(facts: Mapping[str, _Fact], key: Callable[[_Fact], Hashable]) -> dict[Any, list[_Fact]]:
    """The facts by their keys."""
    groups: dict[Any, list[_Fact]] = defaultdict(list)
    for one in facts.values():
        groups[key(one)].append(one)
    return groups


def sums(facts: Sequence[Transaction]) -> tuple[int, int, Decimal]:
    """Orders, units, amount."""
    return len(facts), sum(one.quantity for one in facts), sum((one.amount for one in facts), Decimal(0))


def buyers(facts: Sequence[Transaction]) -> set[str]:
    """Who bought."""
    return {one.customer_id for one in facts}


def day(one: Interaction | Transaction) -> date:
    """The day in UTC."""
    return one.occurred_at.astimezone(UTC).date()


def identity(text: str) -> str:
    """UUIDs are the same in upper and lower case."""
    return text.lower() if _UUID.fullmatch(text) else text


def content(one: Event) -> Row:
    """What an event says, apart from its identity."""
    names = set(one.__struct_fields__) - {"event_id", "transaction_id"}
    return tuple(getattr(one, name) for name in sorted(names))


def is_row(record: Told, reject_id: str) -> bool:
    """Whether a listed reject is this row of a source."""
    return isinstance(record.meaning, RejectedRow) and record.meaning.reject_id == reject_id


def mentions(topic: str, record: Told, customer: str) -> bool:
    """Whether what was refused is of or about a customer."""
    number = re.fullmatch(r"[+-]?\d+", customer)
    spelled = re.escape(customer.encode()) + (rb"(\.0+)?" if number else b"")
    if isinstance(record.meaning, RejectedRow):
        cells = [cell.strip() for cell in record.meaning.row.values() if cell is not None]
        return any(re.fullmatch(spelled, cell.encode()) for cell in cells)
    if topic not in CUSTOMER_KEYED:
        return topic == "rejected_events" and bool(re.search(rb':"\s*%s\s*"' % spelled, record.value or b""))
    told = rb'"customer_id"\s*:\s*("\s*%s\s*"|%s\s*[,}])' % (spelled, spelled)
    return bool(re.fullmatch(rb"\s*%s\s*" % spelled, record.key or b"") or re.search(told, record.value or b""))


class CutOff(psycopg.OperationalError):
    """The connection is lost, says this test."""


class Unreliable:
    """A connection that breaks before its nth statement, or whose last commit's answer is lost."""

    def __init__(self, connection: AsyncConnection[Any], *, statements: int | None, answers: bool) -> None:
        self._connection = connection
        self._statements = statements
        self._answers = answers

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def _count(self) -> None:
        if self._statements is not None:
            self._statements -= 1
            if self._statements < 0:
                raise CutOff("cut before the answer to a statement")

    async def execute(self, *arguments: Any, **options: Any) -> Any:
        self._count()
        return await self._connection.execute(*arguments, **options)

    def cursor(self) -> Any:
        self._count()
        return self._connection.cursor()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        async with self._connection.transaction():
            yield
            self._count()
        if not self._answers:
            raise CutOff("committed, but nobody heard it")


@dataclass(slots=True)
class Worker:
    """A processor: its engine, and how far it has read each partition that it believes to own."""

    engine: Engine
    reached: dict[tuple[str, int], int]


class World:
    """The broker's records, two workers on one database, and the truth."""

    def __init__(
        self,
        url: str,
        connection: AsyncConnection[Any],
        *,
        cached_rows: int,
        most_events: int,
        forgotten: Forgotten,
    ) -> None:
        self._url = url
        self._cached_rows = cached_rows
        self._most_events = most_events
        self._forgotten = forgotten
        #: What the database calls the anonymous customers of the truth.
        self._names: dict[str, str] = {}
        self._totals: list[str] = []
        self._tables: list[str] = []
        self.connection = connection
        #: What the broker's clock shows: milliseconds since 1970.
        self.now = 1_600_000_000_000
        self.log: dict[tuple[str, int], list[Told]] = {place: [] for place in PLACES}
        self.ends: Counter[tuple[str, int]] = Counter()
        self.truth = Truth(forgotten)
        self.workers: dict[str, Worker] = {}

    async def begin(self) -> None:
        """Empty the database; the worker called "first" owns all partitions."""
        self._tables = [name for (name,) in await self._fetch(_TABLES)]
        await self.connection.execute(f"TRUNCATE {', '.join(self._tables)} CASCADE")
        await self.connection.execute("UPDATE reattribution SET epoch = 0")
        await self.resume()

    async def resume(self) -> None:
        """Go on from what the database says; the worker called "first" owns all partitions."""
        self._totals = [name for (name,) in await self._fetch(_QUESTIONS)]
        await self.assign("first", range(PARTITIONS))
        self.ends |= self.workers["first"].reached

    # The broker

    def tell(self, event: Event, form: str = "binary", partition: int | None = None) -> None:
        """Publish an event: as we do ("binary"), as a "structured" CloudEvent, or as "plain" JSON."""
        record = encoding.encode(event)
        value, headers = record.value, record.headers
        if form == "structured":
            value = b'{"specversion":"1.0","type":"%s","data":%s}' % (dict(headers)["ce_type"], value)
            headers = [("content-type", b"application/cloudevents+json; charset=UTF-8")]
        elif form == "plain":
            headers = []
        self.publish(record.topic, record.key, value, headers, meaning=event, partition=partition)

    def withdraw(self, topic: str, key: str, what: str | None = None) -> None:
        """Publish a tombstone; `what` as in Withdrawn."""
        name = f"{key} {what}" if topic == "product_discussions" and what is not None else what
        record = encoding.encode_tombstone(topic, key=key, identity=name)
        self.publish(topic, record.key, None, record.headers, meaning=Withdrawn(key, what))

    def publish(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        headers: Sequence[tuple[str, bytes | None]] = (),
        *,
        meaning: Event | Withdrawn | None = None,
        partition: int | None = None,
    ) -> None:
        """Append a record; without a meaning it must be refused."""
        place = topic, topics.partition_of(key or b"", PARTITIONS) if partition is None else partition
        self.log[place].append(Told(self.ends[place], self.now, key, value, headers, meaning))
        self.ends[place] += 1

    def repeat(self, topic: str, pick: int) -> None:
        """Publish an earlier record of a topic once more."""
        places = [(place, record) for place in PLACES if place[0] == topic for record in self.log[place]]
        if places:
            (_, partition), again = places[pick % len(places)]
            self.publish(topic, again.key, again.value, again.headers, meaning=again.meaning, partition=partition)

    def correct(self, pick: int, told: Interaction | Transaction, fields: Iterable[str]) -> None:
        """Tell a fact that was told before anew, with these fields as in another one."""
        earlier = [one for one in self._facts() if type(one) is type(told)]
        if earlier:
            before = earlier[pick % len(earlier)]
            both = {name for one in fields for name in (("product_id", "category") if one == "product_id" else (one,))}
            self.tell(replace(before, **{name: getattr(told, name) for name in both if hasattr(told, name)}))

    def withdraw_told(self, pick: int) -> None:
        """Take a fact back that was told before."""
        if earlier := self._facts():
            one = earlier[pick % len(earlier)]
            self.withdraw(one.topic.name, one.key, one.identity)

    def _facts(self) -> list[Interaction | Transaction]:
        told = [record.meaning for place in PLACES for record in self.log[place]]
        return [one for one in told if isinstance(one, Interaction | Transaction)]

    def tell_nonsense(
        self,
        topic: str,
        partition: int,
        nonsense: tuple[bytes | None, bytes | None, Sequence[tuple[str, bytes | None]]],
    ) -> None:
        """Publish a key, value and headers that no contract allows."""
        self.publish(topic, *nonsense, partition=partition)

    def misplace(self, told: Event, elsewhere: int) -> None:
        """Publish an event where another partitioner would put it: it must be refused."""
        record = encoding.encode(told)
        home = topics.partition_of(record.key, PARTITIONS)
        self.publish(record.topic, record.key, record.value, record.headers, partition=(home + elsewhere) % PARTITIONS)

    def pass_time(self, milliseconds: int) -> None:
        """Let the broker's clock go on, or be set back."""
        self.now += milliseconds

    def lose_offset(self, topic: str, partition: int) -> None:
        """Use an offset up for no record, as transactions and compaction do."""
        self.ends[topic, partition] += 1

    # The workers

    async def assign(self, name: str, partitions: Iterable[int]) -> None:
        """Give partitions (of every topic) to a worker, whether or not their last owner knows."""
        if name not in self.workers:
            self.restart(name)
        worker = self.workers[name]
        earliest = {(topic, partition): 0 for topic in STREAMS for partition in partitions}
        worker.reached = dict(await worker.engine.claim(CLUSTER, earliest))

    def restart(self, name: str) -> None:
        """Start a worker that knows nothing; it owns nothing until it is assigned partitions."""
        catalogue = Catalogue()
        tables = {view.name: RunningTotal(_app, view, capacity=self._cached_rows) for view in views.ALL}
        parts = streams(catalogue, CLUSTER, forgotten=self._forgotten)
        self.workers[name] = Worker(Engine(self._url, parts, tables, catalogue, most_events=self._most_events), {})

    def fetch(self, worker: Worker, topic: str, sizes: dict[int, Sequence[int]]) -> list[tuple[Chunk, list[Told]]]:
        """What a worker reads next: per partition number, chunks of so many records."""
        fetched = []
        for partition, lengths in sizes.items():
            place = topic, partition
            if place not in worker.reached:
                continue
            start = worker.reached[place]
            waiting = [record for record in self.log[place] if record.offset >= start]
            for begin, end in pairwise([0, *accumulate(lengths)]):
                if records := waiting[begin:end]:
                    chunk = Chunk(topic, partition, start, records)
                    fetched.append((chunk, records))
                    start = chunk.next_offset
        return fetched

    async def commit(
        self,
        name: str,
        topic: str,
        sizes: dict[int, Sequence[int]],
        *,
        cut_after: int | None = None,
        lose_answer: bool = False,
        give_up: bool = False,
    ) -> bool:
        """Let a worker make one unit of work, through a connection that breaks as told, then through a good one.

        Args:
            give_up: Don't try again after the connection broke.
        Returns: Whether the connection broke.
        Raises: PositionMoved when the partitions are somebody else's by now.
        """
        worker = self.workers[name]
        fetched = self.fetch(worker, topic, sizes)
        if not fetched:
            return False
        broke = False
        decoded = [worker.engine.decode(chunk) for chunk, _ in fetched]
        if cut_after is not None or lose_answer:
            broken = Unreliable(self.connection, statements=cut_after, answers=not lose_answer)
            try:
                await self._commit(worker.engine, broken, decoded)
            except CutOff:
                broke = True
                await self.check_memory()
                if give_up:
                    return True
        await self._commit(worker.engine, self.connection, decoded)
        self.truth.add(fetched)
        for chunk, _ in fetched:
            worker.reached[chunk.topic, chunk.partition] = chunk.next_offset
        return broke

    async def _commit(self, engine: Engine, connection: Any, decoded: Sequence[Decoded]) -> None:
        try:
            await engine.commit(connection, decoded, exclusive=False)
        except NeedsReattribution:
            await engine.commit(connection, decoded, exclusive=True)

    async def commit_at_once(self, name: str, size: int, connections: Sequence[AsyncConnection[Any]]) -> None:
        """Let a worker commit all there is in chunks of a size, its units at once on several connections."""
        worker = self.workers[name]
        free = list(connections)

        async def connect() -> AsyncConnection[Any]:
            return free.pop()

        worker.engine.connect = connect  # type: ignore[method-assign] - they outlive the worker
        whole = {partition: [size] * len(PLACES) * 20 for partition in range(PARTITIONS)}
        fetched = [one for topic in STREAMS for one in self.fetch(worker, topic, whole)]
        acknowledged: set[Chunk] = set()
        done = asyncio.Event()

        def acknowledge(chunk: Chunk) -> None:
            acknowledged.add(chunk)
            if len(acknowledged) == len(fetched):
                done.set()

        async with asyncio.timeout(60), asyncio.TaskGroup() as group:
            tasks = [group.create_task(worker.engine.work()) for _ in connections]
            for chunk, _ in fetched:
                delivery = Delivery(worker.engine.decode(chunk), partial(acknowledge, chunk))
                await worker.engine.dispatcher.submit(delivery)
            if fetched:
                await done.wait()
            for task in tasks:
                task.cancel()
        for chunk, records in fetched:
            self.truth.add([(chunk, records)])
            worker.reached[chunk.topic, chunk.partition] = chunk.next_offset

    async def catch_up(self) -> None:
        """Let the first worker have everything, and commit the rest."""
        await self.assign("first", range(PARTITIONS))
        for topic in STREAMS:
            await self.commit("first", topic, {partition: [10**9] for partition in range(PARTITIONS)})

    # What must hold

    async def check(self, *, in_turn: bool = True) -> None:
        """Everything stored is what the truth says, and the totals are what plain SQL says of the facts.

        Args:
            in_turn: False when a unit of one partition may have overtaken one of another.
        """
        await self.check_anonymous()
        await self.check_totals()
        await self.check_facts()
        await self.check_positions()
        await self.check_rejects(in_turn=in_turn)
        await self.check_memory()

    async def check_stored(self) -> None:
        """As `check`, where the truth depends on who came first: what is stored fits together."""
        await self.check_totals(told=False)
        await self.check_memory()
        columns = " + ".join(OUTCOMES)
        assert await self._rows(f"SELECT * FROM positions WHERE next_offset <> {columns}") == set()  # noqa: S608
        for topic in ("interactions", "transactions"):
            ((facts,),) = await self._fetch(f"SELECT count(*) FROM {topic}")  # noqa: S608
            ((told,),) = await self._fetch(
                f"SELECT sum(new) - sum(withdrawn) FROM positions WHERE topic = '{topic}'"  # noqa: S608
            )
            assert facts == told if self._forgotten == "anonymous" else facts <= told
        # GET overview counts customers so.
        ((known,),) = await self._fetch("SELECT count(*) FROM customers WHERE customer_id NOT LIKE 'anonymous-%'")
        ((told,),) = await self._fetch(
            "SELECT coalesce(sum(new - withdrawn), 0) FROM positions WHERE topic = 'customers'"
        )
        assert known == told

    async def check_anonymous(self) -> None:
        """There are as many anonymous customers as there must be, and each has what one of them must have."""
        estates: dict[str, list[Any]] = defaultdict(lambda: [set(), set(), [], None])
        for place, table in enumerate(("interactions", "transactions")):
            key = "event_id" if table == "interactions" else "transaction_id"
            for customer, fact in await self._fetch(f"SELECT customer_id, {key} FROM {table}"):  # noqa: S608
                estates[customer][place].add(fact)
        for customer, moment, segment in await self._fetch("SELECT * FROM customer_segments"):
            estates[customer][2].append((moment, segment))
        columns = ", ".join(("customer_id", "partition", *_KEPT))
        for customer, *row in await self._fetch(f"SELECT {columns} FROM customers"):  # noqa: S608
            estates[customer][3] = tuple(row)
        theirs = sorted((_estate(*one), name) for name, one in estates.items() if name.startswith("anonymous-"))
        nothing = _estate(set(), set(), [], None)
        ours = sorted((estate, name) for name in self.truth.anonymous if (estate := self.truth.estate(name)) != nothing)
        assert [estate for estate, _ in theirs] == [estate for estate, _ in ours]
        self._names = {name: known for (_, name), (_, known) in zip(theirs, ours, strict=True)}

    async def check_totals(self, *, told: bool = True) -> None:
        """Each total is what its question says; and each question is answered as the truth does."""
        for total in self._totals:
            difference = await self._fetch(
                f"(SELECT * FROM {total} EXCEPT ALL SELECT * FROM {total}_from_facts)"  # noqa: S608
                f" UNION ALL (SELECT * FROM {total}_from_facts EXCEPT ALL SELECT * FROM {total})"
            )
            assert difference == [], total
        if told:
            for view in (*self._totals, "channel_activity", "product_interest", "daily_sales"):
                assert await self._rows(f"SELECT * FROM {view}") == getattr(self.truth, view)(), view  # noqa: S608
            sales = "SELECT product, orders, units, revenue, customers, last_sold FROM product_sales"
            assert await self._rows(sales) == self.truth.product_sales()

    async def check_facts(self) -> None:
        """What is stored of each stream is what was told last."""
        truth = self.truth
        assert await self._rows(
            "SELECT event_id, source_id, customer_id, channel, occurred_at, product, count, revenue, partition"
            " FROM interactions"
        ) == {
            (
                *self._identity(name, one),
                one.channel, one.occurred_at, one.product, one.count, one.revenue, truth.home(one),
            )
            for name, one in truth.interactions.items()
        }  # fmt: skip
        assert await self._rows(
            "SELECT transaction_id, source_id, customer_id, occurred_at, product_id, category, quantity, amount,"
            " currency, partition FROM transactions"
        ) == {
            (
                *self._identity(name, one),
                one.occurred_at, one.product_id, one.category, one.quantity, one.amount, one.currency, truth.home(one),
            )
            for name, one in truth.transactions.items()
        }  # fmt: skip
        assert await self._rows(f"SELECT customer_id, partition, {', '.join(CUSTOMER_ATTRIBUTES)} FROM customers") == {  # noqa: S608
            (key, truth.home_of(key), *profile.values()) for key, profile in truth.customers.items()
        }
        assert await self._rows("SELECT * FROM customer_segments") == {
            (key, *one) for key, history in truth.segments.items() for one in history
        }
        assert (
            await self._rows("SELECT to_char(month, 'YYYY-MM'), product FROM product_discussions") == truth.discussions
        )
        assert await self._rows("SELECT product_id, name, category, price FROM products") == {
            (one.product_id, one.name, one.category, one.price) for one in truth.products.values()
        }
        untold = Channel(channel="untold")
        assert await self._rows("SELECT channel, first_at, told, name, channel_type, unit_price FROM channels") == {
            (name, truth.first_at.get(name), name in truth.channels, one.name, one.channel_type, one.unit_price)
            for name in {*truth.channels, *truth.first_at}
            for one in [truth.channels.get(name, untold)]
        }

    def _identity(self, name: str, one: Interaction | Transaction) -> Row:
        """The id as told may say whose fact it is: it goes when that is forgotten."""
        told = None if _UUID.fullmatch(name) or one.customer_id in self.truth.anonymous else name
        return (UUID(bytes=fact_id(name)), told, one.customer_id)

    async def check_positions(self) -> None:
        """Every offset has one outcome, and the right one."""
        columns = ", ".join(OUTCOMES)
        for topic, partition, next_offset, *outcomes in await self._fetch(
            f"SELECT topic, partition, next_offset, {columns} FROM positions"  # noqa: S608
        ):
            assert next_offset == sum(outcomes), (topic, partition)
            told = self.truth.outcomes[topic, partition]
            assert dict(zip(OUTCOMES, outcomes, strict=True)) == {name: told[name] for name in OUTCOMES}, topic

    async def check_rejects(self, *, in_turn: bool) -> None:
        """What was refused is listed, until the customer that it speaks of is forgotten."""
        listed = await self._rows('SELECT topic, partition, "offset" FROM rejected_events')
        expected = set(self.truth.rejects)
        if not in_turn:
            unclear = {
                (topic, partition, record.offset)
                for (topic, partition), records in self.log.items()
                for record in records
                if any(mentions(topic, record, customer) for customer in self.truth.ever_forgotten)
            }
            listed, expected = listed - unclear, expected - unclear
        assert listed == expected

    async def check_memory(self) -> None:
        """Rows that a worker would use are those that are stored."""
        ((epoch,),) = await self._rows("SELECT epoch FROM reattribution")
        owners = await self._rows("SELECT topic, partition, owner FROM positions")
        for worker in self.workers.values():
            engine = worker.engine
            current = {(topic, partition) for topic, partition, owner in owners if owner == engine._owner}
            if engine._epoch != epoch or set(worker.reached) != current:
                continue  # it will forget what it knows, or be refused
            for table in engine._tables.values():
                async with self.connection.transaction():
                    held = dict(table.data)
                    if held:
                        rows = {key: table.view.zero() for key in held}
                        rows |= await table._statements.load(self.connection, list(held))
                        assert held == rows, table.view.name
                for members in table.members.values():
                    held, name = members.data, members.members.name
                    whole = {customer: held[customer] for customer in members.whole}
                    assert await members.all_of(self.connection, members.whole) == whole, name
                    pairs = {(customer, group) for customer, groups in held.items() for group in groups}
                    assert await members.remaining(self.connection, pairs) == pairs, name
            stored = Catalogue()
            await stored.reload(self.connection)
            known = engine._catalogue
            assert (known._discussed, known._categories) == (stored._discussed, stored._categories)
            first_at = dict(await self._fetch("SELECT channel, first_at FROM channels"))
            assert all(first_at[name] <= binary.moment(at) for name, at in known.channels.items())

    async def state(self) -> dict[str, set[tuple[Any, ...]]]:
        """All that is stored, to see that something changed nothing."""
        return {name: set(await self._fetch(f"SELECT {name}::text FROM {name}")) for name in self._tables}  # noqa: S608

    async def _rows(self, question: str) -> set[Row]:
        """Rows with the names that the truth has for anonymous customers."""
        names = self._names
        return {
            tuple(names.get(value, value) if isinstance(value, str) else value for value in row)
            for row in await self._fetch(question)
        }

    async def _fetch(self, question: str) -> list[Row]:
        return await (await self.connection.execute(question)).fetchall()


@dataclass(frozen=True, slots=True)
class Ground:
    """Where worlds are made, one after the other."""

    url: str
    runner: asyncio.Runner
    connections: Sequence[AsyncConnection[Any]]

    def world(self, *, cached_rows: int = 1000, most_events: int = 1000, forgotten: Forgotten = "anonymous") -> World:
        """A world in which nothing was told yet."""
        world = World(
            self.url, self.connections[0], cached_rows=cached_rows, most_events=most_events, forgotten=forgotten
        )
        self.runner.run(world.begin())
        return world

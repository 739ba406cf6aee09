"""A whole installation within one process, and the truth about it beside it, for tests that try everything.

`World` is the broker (records by partition), the workers (engines of their own on one Postgres) and whatever goes wrong
between them. `Truth` counts in plain Python what must come out; it shares no code with the processors.
"""

import asyncio
import re
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from itertools import accumulate, pairwise
from typing import Any, Final

import faust
import psycopg
from msgspec import UNSET
from psycopg import AsyncConnection
from stream_processors.discussions import Discussions

import sql
from events import encoding, topics
from events.admin import Cluster, TopicState
from events.contracts import CUSTOMER_ATTRIBUTES, Customer, Event, Interaction, ProductDiscussion, RejectedRow
from stream_processors import views
from stream_processors.app import streams
from stream_processors.chunks import Chunk
from stream_processors.dispatcher import Delivery
from stream_processors.engine import Engine
from stream_processors.positions import OUTCOMES
from stream_processors.tables import RunningTotal, Tables
from stream_processors.unit_of_work import Decoded, NeedsReattribution

PARTITIONS: Final = 3
CLUSTER: Final = Cluster("cluster", {topic.name: TopicState(f"id of {topic.name}", PARTITIONS) for topic in topics.ALL})
STREAMS: Final = ("product_discussions", "customers", "interactions", "rejected_events")
PLACES: Final = tuple((topic, partition) for topic in STREAMS for partition in range(PARTITIONS))

_UUID: Final = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_TABLES: Final = (
    "positions", "customers", "channels", "product_discussions", "interactions", "channel_totals", "topic_totals",
    "product_interest_parts", "rejected_events",
)  # fmt: skip
_EMPTY: Final = "; ".join([*(f"DELETE FROM {name}" for name in _TABLES), "UPDATE reattribution SET epoch = 0"])  # noqa: S608
_VERIFIED: Final = ("channel_totals", "topic_totals", "product_interest")

_app = faust.App("properties", store="memory://", TableManager=Tables)


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """A tombstone: of an interaction (its event_id), of a discussion (its product, None for all), or of a customer."""

    key: str
    what: str | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """A record as the broker has it, and what it means to say; None for one that must be refused."""

    offset: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]]
    meaning: Event | Withdrawn | None


@dataclass(slots=True)
class Truth:
    """What must be stored once all that was committed is taken together."""

    customers: dict[str, dict[str, Any]] = field(default_factory=dict)
    interactions: dict[str, Interaction] = field(default_factory=dict)
    discussions: set[tuple[str, str]] = field(default_factory=set)
    channels: dict[str, datetime] = field(default_factory=dict)
    rejected_rows: set[str] = field(default_factory=set)
    outcomes: dict[tuple[str, int], Counter[str]] = field(default_factory=lambda: defaultdict(Counter))

    def add(self, chunk: Chunk, records: Sequence[Told]) -> None:
        """Take a chunk's records in, in order."""
        counts = self.outcomes[chunk.topic, chunk.partition]
        for record in records:
            counts[self._outcome(chunk.topic, record.meaning)] += 1
        counts["skipped"] += records[-1].offset + 1 - chunk.start - len(records)

    def _outcome(self, topic: str, meaning: Event | Withdrawn | None) -> str:  # noqa: PLR0911 - one per kind of event
        match meaning:
            case None:
                return "rejected"
            case Customer():
                return self._merge(meaning)
            case Interaction():
                return self._tell(meaning)
            case ProductDiscussion():
                discussion = (meaning.month, meaning.product)
                outcome = "repeated" if discussion in self.discussions else "new"
                self.discussions.add(discussion)
                return outcome
            case RejectedRow():
                outcome = "repeated" if meaning.reject_id in self.rejected_rows else "new"
                self.rejected_rows.add(meaning.reject_id)
                return outcome
            case Withdrawn(key) if topic == "customers":
                return "repeated" if self.customers.pop(key, None) is None else "withdrawn"
            case Withdrawn(_, event_id) if topic == "interactions":
                gone = self.interactions.pop(identity(str(event_id)), None)
                return "repeated" if gone is None else "withdrawn"
            case Withdrawn(month, product):
                meant = {one for one in self.discussions if one[0] == month and product in (None, one[1])}
                self.discussions -= meant
                return "withdrawn" if meant else "repeated"
        raise AssertionError(meaning)

    def _merge(self, told: Customer) -> str:
        before = self.customers.get(told.customer_id)
        after = dict(before or dict.fromkeys(CUSTOMER_ATTRIBUTES))
        for name in CUSTOMER_ATTRIBUTES:
            if (value := getattr(told, name)) is not UNSET:
                after[name] = value
        self.customers[told.customer_id] = after
        return "new" if before is None else "repeated" if before == after else "corrected"

    def _tell(self, told: Interaction) -> str:
        before = self.interactions.get(identity(told.event_id))
        self.interactions[identity(told.event_id)] = told
        at = told.occurred_at
        self.channels[told.channel] = min(at, self.channels.get(told.channel, at))
        if before is None:
            return "new"
        return "repeated" if content(before) == content(told) else "corrected"

    def channel_totals(self) -> set[tuple[Any, ...]]:
        """Rows of the view of that name."""
        groups: dict[tuple[str, str], list[Interaction]] = defaultdict(list)
        for one in self.interactions.values():
            groups[one.customer_id, one.channel].append(one)
        return {
            (
                *key,
                sum(one.count for one in facts),
                sum((one.revenue or Decimal(0) for one in facts), Decimal(0)),
                min(one.occurred_at for one in facts),
                max(one.occurred_at for one in facts),
            )
            for key, facts in groups.items()
        }

    def topic_totals(self) -> set[tuple[Any, ...]]:
        """Rows of the view of that name."""
        totals: Counter[tuple[str, str, str]] = Counter()
        for one, product in self._topics():
            totals[one.customer_id, one.channel, product] += one.count
        return {(*key, total) for key, total in totals.items()}

    def product_interest(self) -> set[tuple[Any, ...]]:
        """Rows of the view of that name."""
        totals: Counter[tuple[str, str]] = Counter()
        talkers: dict[tuple[str, str], set[str]] = defaultdict(set)
        for one, product in self._topics():
            customer_type = self.customers.get(one.customer_id, {}).get("customer_type") or "unknown"
            totals[customer_type, product] += one.count
            talkers[customer_type, product].add(one.customer_id)
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


def identity(event_id: str) -> str:
    """UUIDs are the same in upper and lower case."""
    return event_id.lower() if _UUID.fullmatch(event_id) else event_id


def content(one: Interaction) -> tuple[Any, ...]:
    """What an interaction says, apart from its identity."""
    return (one.customer_id, one.channel, one.occurred_at, one.product, one.count, one.revenue)


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

    def __init__(self, url: str, connection: AsyncConnection[Any], *, cached_rows: int, most_events: int) -> None:
        self._url = url
        self._cached_rows = cached_rows
        self._most_events = most_events
        self.connection = connection
        self.log: dict[tuple[str, int], list[Told]] = {place: [] for place in PLACES}
        self.ends: Counter[tuple[str, int]] = Counter()
        self.truth = Truth()
        self.workers: dict[str, Worker] = {}

    @classmethod
    async def empty(cls, url: str, connection: AsyncConnection[Any], *, cached_rows: int, most_events: int) -> "World":
        """A world in which nothing was told; the worker called "first" owns all partitions."""
        await connection.execute(_EMPTY)
        world = cls(url, connection, cached_rows=cached_rows, most_events=most_events)
        await world.assign("first", range(PARTITIONS))
        return world

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
        self.log[place].append(Told(self.ends[place], key, value, headers, meaning))
        self.ends[place] += 1

    def repeat(self, topic: str, pick: int) -> None:
        """Publish an earlier record of a topic once more."""
        places = [(place, record) for place in PLACES if place[0] == topic for record in self.log[place]]
        if places:
            (_, partition), again = places[pick % len(places)]
            self.publish(topic, again.key, again.value, again.headers, meaning=again.meaning, partition=partition)

    def tell_nonsense(
        self,
        topic: str,
        partition: int,
        nonsense: tuple[bytes | None, bytes | None, Sequence[tuple[str, bytes | None]]],
    ) -> None:
        """Publish a key, value and headers that no contract allows."""
        self.publish(topic, *nonsense, partition=partition)

    def misplace(self, told: Interaction, elsewhere: int) -> None:
        """Publish an event where another partitioner would put it: it must be refused."""
        record = encoding.encode(told)
        home = topics.partition_of(record.key, PARTITIONS)
        self.publish(record.topic, record.key, record.value, record.headers, partition=(home + elsewhere) % PARTITIONS)

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
        discussions = Discussions()
        tables = {view.name: RunningTotal(_app, view, capacity=self._cached_rows) for view in views.ALL}
        engine = Engine(self._url, streams(discussions, CLUSTER), tables, discussions, most_events=self._most_events)
        self.workers[name] = Worker(engine, {})

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
    ) -> None:
        """Let a worker make one unit of work, through a connection that breaks as told, then through a good one.

        Raises: PositionMoved when the partitions are somebody else's by now.
        """
        worker = self.workers[name]
        fetched = self.fetch(worker, topic, sizes)
        if not fetched:
            return
        decoded = [worker.engine.decode(chunk) for chunk, _ in fetched]
        if cut_after is not None or lose_answer:
            broken = Unreliable(self.connection, statements=cut_after, answers=not lose_answer)
            try:
                await self._commit(worker.engine, broken, decoded)
            except CutOff:
                await self.check_memory()
        await self._commit(worker.engine, self.connection, decoded)
        for chunk, records in fetched:
            self.truth.add(chunk, records)
            worker.reached[chunk.topic, chunk.partition] = chunk.next_offset

    async def _commit(self, engine: Engine, connection: Any, decoded: Sequence[Decoded]) -> None:
        exclusive = decoded[0].chunk.topic == "product_discussions"
        try:
            await engine.commit(connection, decoded, exclusive=exclusive)
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
            self.truth.add(chunk, records)
            worker.reached[chunk.topic, chunk.partition] = chunk.next_offset

    async def catch_up(self) -> None:
        """Let the first worker have everything, and commit the rest."""
        await self.assign("first", range(PARTITIONS))
        for topic in STREAMS:
            await self.commit("first", topic, {partition: [10**9] for partition in range(PARTITIONS)})

    # What must hold

    async def check(self) -> None:
        """Everything stored is what the truth says, and the views are what plain SQL says of the facts."""
        await self.check_views()
        await self.check_facts()
        await self.check_positions()
        await self.check_memory()

    async def check_stored(self) -> None:
        """As `check`, where the truth depends on who came first: what is stored fits together."""
        await self.check_views(told=False)
        await self.check_memory()
        columns = " + ".join(OUTCOMES)
        assert await self._rows(f"SELECT * FROM positions WHERE next_offset <> {columns}") == set()  # noqa: S608
        ((facts,),) = await self._rows("SELECT count(*) FROM interactions")
        ((told,),) = await self._rows("SELECT sum(new) - sum(withdrawn) FROM positions WHERE topic = 'interactions'")
        assert facts == told

    async def check_views(self, *, told: bool = True) -> None:
        for view in _VERIFIED:
            question = sql.text(f"verify/{view}.sql")
            cursor = await self.connection.execute(question)
            asked = set(await cursor.fetchall())
            columns = ", ".join(column.name for column in cursor.description or ())
            difference = await self.connection.execute(
                f"(SELECT {columns} FROM {view} EXCEPT ({question}))"  # noqa: S608
                f" UNION ALL (({question}) EXCEPT SELECT {columns} FROM {view})"
            )
            assert await difference.fetchall() == [], view
            if told:
                assert asked == getattr(self.truth, view)(), view

    async def check_facts(self) -> None:
        assert await self._rows(
            "SELECT coalesce(source_id, event_id::text), customer_id, channel, occurred_at, product, count, revenue"
            " FROM interactions"
        ) == {(name, *content(one)) for name, one in self.truth.interactions.items()}
        assert await self._rows(f"SELECT customer_id, {', '.join(CUSTOMER_ATTRIBUTES)} FROM customers") == {  # noqa: S608
            (key, *profile.values()) for key, profile in self.truth.customers.items()
        }
        assert await self._rows("SELECT to_char(month, 'YYYY-MM'), product FROM product_discussions") == (
            self.truth.discussions
        )
        assert await self._rows("SELECT channel, first_at FROM channels") == set(self.truth.channels.items())

    async def check_positions(self) -> None:
        columns = ", ".join(OUTCOMES)
        rows = await self._rows(f"SELECT topic, partition, next_offset, {columns} FROM positions")  # noqa: S608
        for topic, partition, next_offset, *outcomes in rows:
            assert next_offset == sum(outcomes), (topic, partition)
            told = self.truth.outcomes[topic, partition]
            assert dict(zip(OUTCOMES, outcomes, strict=True)) == {name: told[name] for name in OUTCOMES}
        facts = await self._rows("SELECT count(*) FROM interactions")
        assert facts == {(sum(row[3] - row[6] for row in rows if row[0] == "interactions"),)}
        rejects = sum(outcomes["rejected"] for outcomes in self.truth.outcomes.values())
        assert await self._rows("SELECT count(*) FROM rejected_events") == {(rejects + len(self.truth.rejected_rows),)}

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
                        stored = {key: table.view.zero() for key in held}
                        stored |= await table._statements.load(self.connection, list(held))
                        assert held == stored, table.view.name

    async def state(self) -> dict[str, set[tuple[Any, ...]]]:
        """All that is stored, to see that something changed nothing."""
        return {name: await self._rows(f"SELECT * FROM {name}") for name in _TABLES if name != "rejected_events"}  # noqa: S608

    async def _rows(self, question: str) -> set[tuple[Any, ...]]:
        return set(await (await self.connection.execute(question)).fetchall())


@dataclass(frozen=True, slots=True)
class Ground:
    """Where worlds are made, one after the other."""

    url: str
    runner: asyncio.Runner
    connections: Sequence[AsyncConnection[Any]]

    def world(self, *, cached_rows: int = 1000, most_events: int = 1000) -> World:
        """A world in which nothing was told yet."""
        return self.runner.run(
            World.empty(self.url, self.connections[0], cached_rows=cached_rows, most_events=most_events)
        )

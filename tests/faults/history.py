"""What happened to some customers, as events, and what must come out of it: counted in plain Python.

`tell` makes the events, from a seed. `Ledger` hears them one after the other and answers what the tables must hold. It
shares with the processors the contract (events/) and nothing else: no folding, no SQL, no batches.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import islice
from random import Random
from typing import Any

import psycopg
from msgspec import UNSET
from msgspec.structs import replace

from events import encoding
from events.contracts import Customer, Event, Interaction, ProductDiscussion
from events.encoding import Record
from events.identity import derived_id, fact_id

CHANNELS = ("Email", "Call", "Bird", "Shop", "Chat")
PRODUCTS = ("Sand", "Orange", "Water", "Größe 7")
TYPES = ("Red", "Orange", "Blue")
_START = datetime(2023, 1, 1, tzinfo=UTC)
_MONTHS = [f"{year}-{month:02}" for year in (2023, 2024) for month in range(1, 13)]
_SECONDS = 2 * 365 * 86_400


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """A tombstone: the fact that it takes away, and the key under which that fact was told."""

    topic: str
    key: str
    identity: str | None


@dataclass(frozen=True, slots=True)
class Nonsense:
    """A record that breaks the contract of its topic, under a key as it should be."""

    topic: str
    key: str
    value: bytes


Told = Event | Withdrawal | Nonsense


def tell(random: Random, *, interactions: int, customers: int = 1000) -> list[Told]:
    """Make events, in the order in which they are published.

    One in ten interactions is not a new fact: it is a correction, a withdrawal, a repetition (also of versions that
    were corrected since), or refused. Types of customers and months of discussion come early, late, change, and go.
    An identity keeps its customer: between partitions Kafka promises no order, so who would come last is open. Only
    customers without interactions are forgotten: between topics there is no order either.
    """
    teller = _Teller(random, customers)
    told: list[Told] = []
    for number in range(interactions):
        if number % 20 == 0:
            told.append(teller.customer())
        if number % 400 == 0:
            told.append(teller.discussion())
        told.append(teller.interaction(number))
    return told


def record(told: Told) -> Record:
    """As it travels."""
    if isinstance(told, Withdrawal):
        return encoding.encode_tombstone(told.topic, key=told.key, identity=told.identity)
    if isinstance(told, Nonsense):
        return Record(told.topic, told.key.encode(), told.value, [])
    return encoding.encode(told)


class _Teller:
    def __init__(self, random: Random, customers: int) -> None:
        self._random = random
        self._customers = customers
        self._facts: list[Interaction] = []

    def interaction(self, number: int) -> Told:
        kind = self._random.random()
        if kind < 0.9 or not self._facts:
            fact = self._new_fact(number)
            self._facts.append(fact)
            return fact
        fact = self._random.choice(self._facts)
        if kind < 0.94:
            fact = replace(fact, **self._content())
            self._facts.append(fact)
            return fact
        if kind < 0.96:
            return Withdrawal("interactions", fact.customer_id, fact.event_id)
        if kind < 0.99:
            return fact
        return Nonsense("interactions", fact.customer_id, b'{"event_id": "bad", "occurred_at": "2023-02-30"}')

    def customer(self) -> Told:
        key = self._customer_id()
        if self._random.random() < 0.1:
            key = f"shy-{self._random.randrange(20)}"
            if self._random.random() < 0.5:
                return Withdrawal("customers", key, None)
        return Customer(
            customer_id=key,
            customer_type=self._random.choice([*TYPES, *TYPES, None, UNSET]),
            occupation=self._random.choice(["Jedi", "Doctor", None, UNSET]),
        )

    def discussion(self) -> Told:
        month = self._random.choice(_MONTHS)
        if self._random.random() < 0.2:
            product = self._random.choice([*PRODUCTS, None])
            return Withdrawal("product_discussions", month, product and f"{month} {product}")
        return ProductDiscussion(month=month, product=self._random.choice(PRODUCTS))

    def _new_fact(self, number: int) -> Interaction:
        content = self._content()
        # Most identities are time-local UUIDs, some are a source's own texts.
        text = f"T-{number}" if number % 5 == 0 else derived_id(content["occurred_at"], number, ordinal=0)
        return Interaction(event_id=text, customer_id=self._customer_id(), **content)

    def _content(self) -> dict[str, Any]:
        random = self._random
        return {
            "channel": random.choice(CHANNELS),
            "occurred_at": _START + timedelta(seconds=random.randrange(_SECONDS)),
            "product": random.choice(PRODUCTS) if random.random() < 0.2 else None,
            "count": random.choice((1, 1, 1, 2, 7)),
            "revenue": Decimal(random.randrange(-5_000, 100_000)) / 100 if random.random() < 0.3 else None,
        }

    def _customer_id(self) -> str:
        return str(self._random.randrange(self._customers))


@dataclass
class Ledger:
    """What is true after the events that were heard."""

    facts: dict[str, Interaction] = field(default_factory=dict)
    customers: dict[str, tuple[str | None, str | None]] = field(default_factory=dict)
    discussions: set[tuple[str, str]] = field(default_factory=set)
    #: The earliest moment ever told of each channel, also if it was withdrawn since.
    channels: dict[str, datetime] = field(default_factory=dict)
    #: Per topic, how many events had which outcome.
    outcomes: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))

    def hear(self, told: Told) -> None:
        """Take one event into account."""
        topic = told.topic if isinstance(told, Withdrawal | Nonsense) else type(told).topic.name
        if isinstance(told, Nonsense):
            outcome = "rejected"
        elif topic == "interactions":
            outcome = self._hear_interaction(told)
        elif topic == "customers":
            outcome = self._hear_customer(told)
        else:
            outcome = self._hear_discussion(told)
        self.outcomes[topic][outcome] += 1

    def _hear_interaction(self, told: Any) -> str:
        if isinstance(told, Withdrawal):
            return "withdrawn" if self.facts.pop(told.identity, None) else "repeated"
        before = self.facts.get(told.event_id)
        self.facts[told.event_id] = told
        self.channels[told.channel] = min(told.occurred_at, self.channels.get(told.channel, told.occurred_at))
        return "new" if before is None else "repeated" if before == told else "corrected"

    def _hear_customer(self, told: Any) -> str:
        before = self.customers.get(told.key)
        if isinstance(told, Withdrawal):
            return "withdrawn" if self.customers.pop(told.key, None) else "repeated"
        merged = tuple(
            old if new is UNSET else new
            for old, new in zip(before or (None, None), (told.customer_type, told.occupation), strict=True)
        )
        self.customers[told.key] = merged  # type: ignore[assignment]
        return "new" if before is None else "repeated" if before == merged else "corrected"

    def _hear_discussion(self, told: Any) -> str:
        if isinstance(told, Withdrawal):
            gone = {one for one in self.discussions if one[0] == told.key and told.identity in (None, " ".join(one))}
            self.discussions -= gone
            return "withdrawn" if gone else "repeated"
        if (told.month, told.product) in self.discussions:
            return "repeated"
        self.discussions.add((told.month, told.product))
        return "new"

    def tables(self) -> dict[str, dict[Any, Any]]:
        """What each table must hold: key to values."""
        channels: dict[Any, list[Any]] = {}
        topics: Counter[tuple[str, str, str]] = Counter()
        for fact in self.facts.values():
            total = channels.setdefault(
                (fact.customer_id, fact.channel), [0, Decimal(0), fact.occurred_at, fact.occurred_at]
            )
            total[0] += fact.count
            total[1] += fact.revenue or 0
            total[2] = min(total[2], fact.occurred_at)
            total[3] = max(total[3], fact.occurred_at)
            for product in self._products(fact):
                topics[fact.customer_id, fact.channel, product] += fact.count
        return {
            "interactions": {
                fact_id(name): (f.customer_id, f.channel, f.occurred_at, f.product, f.count, f.revenue)
                for name, f in self.facts.items()
            },
            "customers": dict(self.customers),
            "product_discussions": dict.fromkeys(self.discussions, ()),
            "channels": {(name,): (first_at,) for name, first_at in self.channels.items()},
            "channel_totals": {key: tuple(total) for key, total in channels.items()},
            "topic_totals": {key: (count,) for key, count in topics.items()},
            "product_interest": self._interest(topics),
            "outcomes": {(topic, name): (n,) for topic, counts in self.outcomes.items() for name, n in counts.items()},
            "rejected_events": {
                (topic,): (counts["rejected"],) for topic, counts in self.outcomes.items() if counts["rejected"]
            },
        }

    def _products(self, fact: Interaction) -> list[str]:
        if fact.product is not None:
            return [fact.product]
        month = f"{fact.occurred_at:%Y-%m}"
        return [product for product in PRODUCTS if (month, product) in self.discussions]

    def _interest(self, topics: Counter[tuple[str, str, str]]) -> dict[Any, Any]:
        counts: Counter[tuple[str, str]] = Counter()
        customers: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
        for (customer_id, _, product), count in topics.items():
            key = ((self.customers.get(customer_id) or (None,))[0] or "unknown", product)
            counts[key] += count
            customers[key].add(customer_id)
        return {key: (count, len(customers[key])) for key, count in counts.items()}


#: Table to the number of its key columns, and a query of key and values.
_QUERIES = {
    "interactions": (
        1, "SELECT event_id, customer_id, channel, occurred_at, product, count, revenue FROM interactions"
    ),
    # Who was forgotten is there under a random id.
    "customers": (
        1, "SELECT customer_id, customer_type, occupation FROM customers WHERE customer_id NOT LIKE 'anonymous-%'"
    ),
    "product_discussions": (2, "SELECT to_char(month, 'YYYY-MM'), product FROM product_discussions"),
    "channels": (1, "SELECT channel, first_at FROM channels"),
    "channel_totals": (
        2, "SELECT customer_id, channel, interactions, revenue, first_at, last_at FROM channel_totals"
    ),
    "topic_totals": (3, "SELECT customer_id, channel, product, interactions FROM topic_totals"),
    "product_interest": (2, "SELECT customer_type, product, interactions, customers FROM product_interest"),
    "outcomes": (
        2,
        """
        SELECT topic, outcome, sum(n)::bigint
        FROM positions, LATERAL (VALUES ('new', new), ('repeated', repeated), ('corrected', corrected),
            ('withdrawn', withdrawn), ('rejected', rejected), ('skipped', skipped)) AS o (outcome, n)
        GROUP BY topic, outcome HAVING sum(n) <> 0
        """,
    ),
    "rejected_events": (1, "SELECT topic, count(*) FROM rejected_events GROUP BY topic"),
}  # fmt: skip


def stored(connection: psycopg.Connection) -> dict[str, dict[Any, Any]]:
    """What the tables hold, in the shape of `Ledger.tables`."""
    tables: dict[str, dict[Any, Any]] = {}
    for name, (keys, query) in _QUERIES.items():
        rows = connection.execute(query)  # type: ignore[call-overload]
        tables[name] = {row[:keys]: row[keys:] for row in rows}
    tables["interactions"] = {key.bytes: values for (key,), values in tables["interactions"].items()}
    tables["customers"] = {key: values for (key,), values in tables["customers"].items()}
    return tables


def differences(expected: dict[Any, Any], actual: dict[Any, Any], *, most: int = 5) -> list[tuple[Any, Any, Any]]:
    """The first few keys whose values differ: key, expected, actual."""

    def all_of_them() -> Iterator[tuple[Any, Any, Any]]:
        for key in expected.keys() | actual.keys():
            if expected.get(key) != actual.get(key):
                yield key, expected.get(key), actual.get(key)

    return list(islice(all_of_them(), most))

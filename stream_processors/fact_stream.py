"""What streams of facts have in common: decode a chunk, settle what is new, store it, move the totals.

A stream says in its own module which table its facts live in and which columns its sources have.
"""

from abc import ABC, abstractmethod
from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, ClassVar, Final

import msgspec

from events import encoding
from events.contracts import (
    CONTRACTS,
    EARLIEST,
    LATEST,
    MAX_EVENT_BYTES,
    Event,
    all_amounts_well,
    text_complaint,
)
from events.errors import RejectedEvent
from events.identity import fact_id
from stream_processors.binary import micros
from stream_processors.catalogue import Catalogue
from stream_processors.chunks import Chunk, Record
from stream_processors.facts import Facts, FactTable
from stream_processors.fold import Kind, all_null
from stream_processors.ownership import Ownership
from stream_processors.settle import Settled, Step, settle
from stream_processors.totals import Move, Sources
from stream_processors.unit_of_work import Decoded, NeedsReattribution, Rejected, UnitOfWork

_EARLIEST: Final = micros(EARLIEST)
_LATEST: Final = micros(LATEST)


@dataclass(frozen=True, slots=True)
class Events:
    """What a chunk says."""

    facts: Facts
    #: Identity of each fact.
    ids: list[bytes]
    #: Withdrawals: identity, and how many facts of the chunk came before.
    withdrawn: list[tuple[bytes, int]]
    #: Offset of each fact.
    offsets: list[int]

    def steps(self, partition: int, first_place: int) -> list[Step]:
        """The events in the order of their offsets; the facts are at `first_place` and after."""
        steps = [Step(fact, partition, first_place + place) for place, fact in enumerate(self.ids)]
        for fact, before in reversed(self.withdrawn):
            steps.insert(before, Step(fact, partition, None))
        return steps

    def inherited(self, heirs: Mapping[int, str | None]) -> "Events":
        """The same, where facts at some places are somebody else's, or withdrawn (None)."""
        columns = {name: list(values) for name, values in self.facts.columns.items()}
        for place, heir in heirs.items():
            columns["customer_id"][place], columns["source_id"][place] = heir, None
        kept = [place for place in range(len(self.ids)) if heirs.get(place, "") is not None]
        gone = [(place, self.ids[place]) for place, heir in heirs.items() if heir is None]
        withdrawn = sorted(
            [*((before, 0, fact) for fact, before in self.withdrawn), *((at, 1, fact) for at, fact in gone)],
            key=lambda one: one[:2],
        )
        return Events(
            Facts(columns).at(kept),
            [self.ids[place] for place in kept],
            [(fact, bisect_left(kept, before)) for before, _, fact in withdrawn],
            [self.offsets[place] for place in kept],
        )


class FactStream(ABC):
    """A stream of facts with identities, keyed by customer."""

    topic: ClassVar[str]
    table: ClassVar[FactTable]

    def __init__(self, catalogue: Catalogue, ownership: Ownership) -> None:
        self._catalogue = catalogue
        self._ownership = ownership
        self._contract = CONTRACTS[self.topic]
        self._decode = encoding.decoder_for(self.topic).decode
        self._headers = encoding.STANDARD_HEADERS[self.topic]
        kinds = self.table.columns.items()
        self._texts = [column for column, kind in kinds if kind is Kind.TEXT and column != "customer_id"]
        self._amounts = [column for column, kind in kinds if kind is Kind.NUMERIC]

    @abstractmethod
    def read(self, events: Sequence[Event], partition: int) -> Facts:
        """The columns of the table, from decoded events of one partition."""

    @abstractmethod
    def fits(self, facts: Facts) -> bool:
        """Whether facts keep the rules that this stream has beyond those of all."""

    @abstractmethod
    async def sources(self, unit: UnitOfWork, facts: Facts | None) -> Sources:
        """The facts as each source of the views sees them; sources without facts are absent."""

    async def store_more(self, unit: UnitOfWork, told: Facts) -> None:  # noqa: B027 - most streams have nothing
        """Whatever else the stream stores of what was told, whether it is new or not."""

    def decode(self, chunk: Chunk) -> Decoded:
        """Read a chunk: all at once where all is well, else record by record to find out what is not."""
        try:
            values = [record.value for record in chunk.records]
            events = list(map(self._decode, values))  # type: ignore[arg-type]
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, TypeError):
            return self._decode_one_by_one(chunk)
        facts = self.read(events, chunk.partition)
        if self._all_well(chunk.records, values, facts):
            return Decoded(chunk, Events(facts, facts[self.table.identity], [], [one.offset for one in chunk.records]))
        return self._decode_one_by_one(chunk)

    def _all_well(self, records: Sequence[Record], values: Sequence[Any], facts: Facts) -> bool:
        """Whether every event passes what `encoding.decode` asks of one, asked column by column."""
        return (
            [record.key for record in records] == [customer_id.encode() for customer_id in facts["customer_id"]]
            and all(tuple(record.headers[:3]) == self._headers for record in records if record.headers)
            and max(map(len, values)) <= MAX_EVENT_BYTES
            and min(facts["occurred_at"]) >= _EARLIEST
            and max(facts["occurred_at"]) < _LATEST
            and self._ownership.all_right(set(facts["customer_id"]), facts["partition"][0])
            and not any(text_complaint(text) for column in self._texts for text in set(facts[column]) if text)
            and all(all_amounts_well(told) for column in self._amounts if (told := _told(facts[column])))
            and self.fits(facts)
        )

    def _decode_one_by_one(self, chunk: Chunk) -> Decoded:
        events: list[Event] = []
        withdrawn: list[tuple[bytes, int]] = []
        offsets: list[int] = []
        rejected: list[Rejected] = []
        for record in chunk.records:
            try:
                event = encoding.decode(self.topic, record.key, record.value, record.headers)
                self._ownership.check(event.key, chunk.partition)
                if isinstance(event, Event):
                    events.append(event)
                    offsets.append(record.offset)
                else:
                    withdrawn.append((_withdrawn_id(event), len(events)))
            except RejectedEvent as error:
                rejected.append(Rejected(record, error))
        facts = self.read(events, chunk.partition)
        return Decoded(chunk, Events(facts, facts[self.table.identity], withdrawn, offsets), rejected)

    async def apply(self, unit: UnitOfWork, decoded: Sequence[Decoded]) -> None:
        """Store what is new, replace what is corrected, drop what is withdrawn; move the totals by the difference."""
        told = Facts.joined([one.events.facts for one in decoded])
        decoded = list(map(self._inherited, decoded))
        facts = Facts.joined([one.events.facts for one in decoded])
        settled = await self._settle(unit, decoded, facts)
        unit.count(settled.outcomes)
        removed = self.table.of_versions(settled.removed) if settled.removed else None
        added = facts if len(settled.added) == len(facts) else facts.at(settled.added)
        if removed and not unit.exclusive and not unit.partitions.issuperset(removed["partition"]):
            raise NeedsReattribution("a correction takes a fact from a customer of another partition")
        await self.replace(unit, removed, added if len(added) else None)
        if len(told):
            await self.store_more(unit, told)

    def _inherited(self, one: Decoded) -> Decoded:
        """A chunk that is read again, without those who were forgotten since."""
        heirs = self._catalogue.forgotten.heirs(
            one.chunk.topic, one.chunk.partition, one.events.facts["customer_id"], one.events.offsets
        )
        return replace(one, events=one.events.inherited(heirs)) if heirs else one

    async def replace(self, unit: UnitOfWork, removed: Facts | None, added: Facts | None) -> None:
        """Take stored facts away and put others in, with all totals that count them."""
        move = Move(unit, removed=await self.sources(unit, removed), added=await self.sources(unit, added))
        await move.check_out()
        if removed:
            await self.table.delete(unit.connection, removed[self.table.identity])
        if added:
            await self.table.insert(unit.connection, added)
        await move.carry_out()

    async def rename_customer(self, unit: UnitOfWork, customer_id: str, new_id: str | None) -> None:
        """Give all facts of a customer to another one, or take them away (None)."""
        versions = await self.table.of_customer(unit.connection, customer_id)
        if not versions:
            return
        facts = self.table.of_versions(versions)
        renamed = Facts({**facts.columns, "customer_id": [new_id] * len(facts)}) if new_id else None
        await self.replace(unit, facts, renamed)

    async def _settle(self, unit: UnitOfWork, decoded: Sequence[Decoded], facts: Facts) -> Settled:
        ids = [*facts[self.table.identity], *(fact for one in decoded for fact, _ in one.events.withdrawn)]
        stored = await self.table.stored(unit.connection, ids)
        if not stored and len(set(ids)) == len(ids) == len(facts):  # the usual case: all are new
            news = Counter(facts["partition"])
            return Settled(range(len(ids)), {}, {number: Counter(new=news[number]) for number in news})
        steps: list[Step] = []
        place = 0
        for one in decoded:
            steps += one.events.steps(one.chunk.partition, place)
            place += len(one.events.ids)
        return settle(steps, stored, lambda place: self.table.version(facts, place))


def _told(amounts: Sequence[Decimal | None]) -> Sequence[Decimal]:
    return () if all_null(amounts) else [amount for amount in amounts if amount is not None]


def _withdrawn_id(tombstone: encoding.Tombstone) -> bytes:
    if tombstone.identity is None:
        raise RejectedEvent(f"a tombstone must name the fact in one of its headers {encoding.IDENTITY_HEADERS}")
    return fact_id(tombstone.identity)

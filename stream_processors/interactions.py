"""Interactions: facts with an identity, counted per customer and channel, and per product that they talk about."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from events import encoding, topics
from events.contracts import EARLIEST, LATEST, MAX_EVENT_BYTES, Interaction, amount_complaint, text_complaint
from events.errors import RejectedEvent
from events.identity import fact_id
from stream_processors import binary, interaction_facts, interest
from stream_processors.binary import Micros, micros
from stream_processors.chunks import Chunk, Record
from stream_processors.discussions import Discussions
from stream_processors.facts import Settled, Step, settle
from stream_processors.fold import Columns, View, put, take
from stream_processors.interaction_facts import Facts
from stream_processors.ownership import Ownership
from stream_processors.unit_of_work import Decoded, NeedsReattribution, Rejected, UnitOfWork
from stream_processors.views import CHANNEL_TOTALS, CUSTOMER_PRODUCTS, TOPIC_TOTALS

_TOPIC: Final = topics.INTERACTIONS.name
_HEADERS: Final = encoding.STANDARD_HEADERS[_TOPIC]
_decode: Final = encoding.decoder_for(_TOPIC).decode
_EARLIEST: Final = micros(EARLIEST)
_LATEST: Final = micros(LATEST)

_NOTE_CHANNELS: Final = """
    INSERT INTO channels AS c (channel, first_at) SELECT * FROM unnest(%s::text[], %s::timestamptz[])
    ON CONFLICT (channel) DO UPDATE SET first_at = excluded.first_at WHERE excluded.first_at < c.first_at
"""


@dataclass(frozen=True, slots=True)
class Events:
    """What a chunk of interactions says."""

    facts: Facts
    #: Withdrawals: identity, and how many facts of the chunk came before.
    withdrawn: list[tuple[bytes, int]]

    def steps(self, partition: int, first_place: int) -> list[Step]:
        """The events in the order of their offsets; the facts are at `first_place` and after."""
        steps = [Step(fact, partition, first_place + place) for place, fact in enumerate(self.facts.event_id)]
        for fact, before in reversed(self.withdrawn):
            steps.insert(before, Step(fact, partition, None))
        return steps


class Interactions:
    """The stream: decodes chunks, and applies them to facts and totals."""

    REATTRIBUTES = False

    def __init__(self, discussions: Discussions, ownership: Ownership) -> None:
        self._discussions = discussions
        self._ownership = ownership
        #: Earliest moment known to be stored for each channel.
        self._channels: dict[str, Micros] = {}

    def decode(self, chunk: Chunk) -> Decoded:
        """Read a chunk: all at once where all is well, else record by record to find out what is not."""
        try:
            events = [_decode(record.value) for record in chunk.records]  # type: ignore[arg-type]
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, TypeError):
            return self._decode_one_by_one(chunk)
        facts = Facts.of_events(events, chunk.partition)
        if self._all_well(chunk.records, facts):
            return Decoded(chunk, Events(facts, []))
        return self._decode_one_by_one(chunk)

    def _all_well(self, records: Sequence[Record], facts: Facts) -> bool:
        """Whether every event passes what `encoding.decode` asks of one, asked column by column."""
        return (
            [record.key for record in records] == [customer_id.encode() for customer_id in facts.customer_id]
            and all(tuple(record.headers[:3]) == _HEADERS for record in records if record.headers)
            and max(len(record.value or b"") for record in records) <= MAX_EVENT_BYTES
            and min(facts.occurred_at) >= _EARLIEST
            and max(facts.occurred_at) < _LATEST
            and self._ownership.all_right(set(facts.customer_id), facts.partition[0])
            and not any(text_complaint(text) for text in {*facts.channel, *facts.product, *facts.source_id} if text)
            and not any(amount_complaint(amount) for amount in facts.revenue if amount is not None)
        )

    def _decode_one_by_one(self, chunk: Chunk) -> Decoded:
        events: list[Interaction] = []
        withdrawn: list[tuple[bytes, int]] = []
        rejected: list[Rejected] = []
        for record in chunk.records:
            try:
                event = encoding.decode(_TOPIC, record.key, record.value, record.headers)
                self._ownership.check(event.key, chunk.partition)
                if isinstance(event, Interaction):
                    events.append(event)
                else:
                    withdrawn.append((_withdrawn_id(event), len(events)))
            except RejectedEvent as error:
                rejected.append(Rejected(record, error))
        return Decoded(chunk, Events(Facts.of_events(events, chunk.partition), withdrawn), rejected)

    async def apply(self, unit: UnitOfWork, decoded: Sequence[Decoded]) -> None:
        """Store what is new, replace what is corrected, drop what is withdrawn; move the totals by the difference."""
        facts = Facts.joined([one.events.facts for one in decoded])
        settled = await self._settle(unit, decoded, facts)
        unit.count(settled.outcomes)
        removed = Facts.of_versions(settled.removed) if settled.removed else None
        added = facts if len(settled.added) == len(facts.event_id) else facts.at(settled.added)
        if removed and not unit.exclusive and not unit.partitions.issuperset(removed.partition):
            raise NeedsReattribution("a correction takes an interaction from a customer of another partition")
        if removed:
            await interaction_facts.delete(unit.connection, removed.event_id)
        if added.event_id:
            await interaction_facts.insert(unit.connection, added)
        await self._move_channels(unit, removed, added)
        await self._move_topics(unit, self._discussions.explode(removed), self._discussions.explode(added))
        await self._note_channels(unit, facts)

    async def _settle(self, unit: UnitOfWork, decoded: Sequence[Decoded], facts: Facts) -> Settled:
        ids = [*facts.event_id, *(fact for one in decoded for fact, _ in one.events.withdrawn)]
        stored = await interaction_facts.stored_versions(unit.connection, ids)
        if not stored and len(set(ids)) == len(ids) == len(facts.event_id):  # the usual case: all are new
            news = Counter(facts.partition)
            return Settled(list(range(len(ids))), {}, {number: Counter(new=news[number]) for number in news})
        steps: list[Step] = []
        place = 0
        for one in decoded:
            steps += one.events.steps(one.chunk.partition, place)
            place += len(one.events.facts.event_id)
        return settle(steps, stored, facts.version)

    async def _move_channels(self, unit: UnitOfWork, removed: Facts | None, added: Facts) -> None:
        await _move(unit, CHANNEL_TOTALS, removed.columns() if removed else None, added.columns())

    async def _move_topics(self, unit: UnitOfWork, removed: Columns | None, added: Columns | None) -> None:
        if removed is None and added is None:
            return
        await _move(unit, TOPIC_TOTALS, removed, added)
        keys = {key for columns in (removed, added) if columns for key in CUSTOMER_PRODUCTS.keys(columns)}
        products = await unit.rows(CUSTOMER_PRODUCTS, keys)
        before = {key: products[key][0] for key in keys}
        await _move(unit, CUSTOMER_PRODUCTS, removed, added)
        await interest.roll_up(unit, [(key, before[key], products[key][0]) for key in keys])

    async def _note_channels(self, unit: UnitOfWork, told: Facts) -> None:
        """Store channels never seen, and earlier moments of those seen: rare after the first chunks."""
        known = self._channels
        first: dict[str, Micros] = {}
        for channel, occurred_at in zip(told.channel, told.occurred_at, strict=True):
            if occurred_at < known.get(channel, _LATEST) and occurred_at < first.get(channel, _LATEST):
                first[channel] = occurred_at
        if first:
            names = sorted(first)  # one order for all workers, or two of them could wait for each other
            moments = binary.TimestamptzArray.of([first[name] for name in names])
            await unit.connection.execute(_NOTE_CHANNELS, [binary.TextArray.of(names), moments])
            unit.after_commit.append(lambda: known.update(first))


async def _move(unit: UnitOfWork, view: View, removed: Columns | None, added: Columns | None) -> None:
    """Count facts out of a view and others into it."""
    taken = view.keys(removed) if removed else []
    given = view.keys(added) if added else []
    rows = await unit.rows(view, {*taken, *given})
    stale = take(view, rows, taken, removed) if removed else set()
    if added:
        put(view, rows, given, added)
    await unit.recompute(view, stale)


def _withdrawn_id(tombstone: encoding.Tombstone) -> bytes:
    if tombstone.identity is None:
        raise RejectedEvent(f"a tombstone must name the interaction in its header {encoding.IDENTITY_HEADERS[0]!r}")
    return fact_id(tombstone.identity)

"""Interactions: counted per customer, channel and day, and per product that they talk about."""

from collections.abc import Sequence
from typing import Any, Final

from events import topics
from events.contracts import Interaction
from events.identity import fact_ids
from stream_processors import binary
from stream_processors.binary import Micros, days_of, micros
from stream_processors.fact_stream import FactStream
from stream_processors.facts import Facts, FactTable, shared
from stream_processors.fold import Kind, Source
from stream_processors.totals import Sources
from stream_processors.unit_of_work import UnitOfWork
from stream_processors.views import CUSTOMER_TYPES

_NOTE_CHANNELS: Final = """
    INSERT INTO channels AS c (channel, first_at) SELECT * FROM unnest(%s::text[], %s::timestamptz[])
    ON CONFLICT (channel) DO UPDATE SET first_at = excluded.first_at
    WHERE c.first_at IS NULL OR excluded.first_at < c.first_at
"""
_NEVER: Final = 2**63


class Interactions(FactStream):
    """The stream of contacts with customers."""

    topic = topics.INTERACTIONS.name
    table = FactTable(
        "interactions",
        {
            "event_id": Kind.UUID,
            "occurred_at": Kind.MOMENT,
            "count": Kind.INTEGER,
            "partition": Kind.SMALLINT,
            "customer_id": Kind.TEXT,
            "channel": Kind.TEXT,
            "product": Kind.TEXT,
            "revenue": Kind.NUMERIC,
            "source_id": Kind.TEXT,
        },
    )

    def read(self, events: Sequence[Any], partition: int) -> Facts:
        """The columns of table interactions."""
        interactions: Sequence[Interaction] = events
        ids, source_ids = fact_ids([event.event_id for event in interactions])
        return Facts(
            {
                "event_id": ids,
                "occurred_at": [micros(event.occurred_at) for event in interactions],
                "count": [event.count for event in interactions],
                "partition": [partition] * len(interactions),
                "customer_id": shared([event.customer_id for event in interactions]),
                "channel": shared([event.channel for event in interactions]),
                "product": shared([event.product for event in interactions]),
                "revenue": [event.revenue for event in interactions],
                "source_id": source_ids,
            }
        )

    def fits(self, facts: Facts) -> bool:  # noqa: ARG002
        """There are no other rules."""
        return True

    async def sources(self, unit: UnitOfWork, facts: Facts | None) -> Sources:
        """INTERACTIONS: the table's columns, day, interactions.

        INTERACTION_TOPICS: customer_id, customer_type, channel, product, interactions, partition.
        """
        if facts is None:
            return {}
        interactions = {
            **facts.columns,
            "interactions": facts["count"],
            "day": days_of(facts["occurred_at"]),
        }
        places, products = self._catalogue.topics(facts)
        if not places:
            return {Source.INTERACTIONS: interactions}
        talked: dict[str, list[Any]] = {
            column: [interactions[column][place] for place in places]
            for column in ("customer_id", "channel", "interactions", "partition")
        }
        types = await unit.rows(CUSTOMER_TYPES, {(customer_id,) for customer_id in talked["customer_id"]})
        talked["product"] = products
        talked["customer_type"] = [types[customer_id,][0] for customer_id in talked["customer_id"]]
        return {Source.INTERACTIONS: interactions, Source.INTERACTION_TOPICS: talked}

    async def store_more(self, unit: UnitOfWork, told: Facts) -> None:
        """Note channels never seen, and earlier moments of those seen: rare after the first chunks."""
        known = self._catalogue.channels
        first: dict[str, Micros] = {}
        for channel, occurred_at in zip(told["channel"], told["occurred_at"], strict=True):
            if occurred_at < known.get(channel, _NEVER) and occurred_at < first.get(channel, _NEVER):
                first[channel] = occurred_at
        if first:
            names = sorted(first)  # one order for all workers, or two of them could wait for each other
            moments = binary.TimestamptzArray.of([first[name] for name in names])
            await unit.connection.execute(_NOTE_CHANNELS, [binary.TextArray.of(names), moments])
            unit.after_commit.append(lambda: known.update(first))

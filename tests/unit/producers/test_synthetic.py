"""Made-up data: the same for the same seed, within the contract, and hanging together."""

from collections import Counter
from datetime import date
from pathlib import Path

from c360.commands.generate import write_files
from events.contracts import Event, Interaction, Transaction
from events.encoding import decode
from producers.mapping_file import load_mapping
from producers.replay import replay
from producers.synthetic import LEADS_TO, Plan, records
from tests.unit.producers.conftest import Collector

PLAN = Plan(events=4_000, customers=200, days=400, seed=7)


def made(plan: Plan) -> list[Event]:
    events = [
        decode(record.topic, record.key, record.value, record.headers) for batch in records(plan) for record in batch
    ]
    assert all(isinstance(event, Event) for event in events)
    return events  # type: ignore[return-value]


def test_the_same_seed_makes_the_same() -> None:
    assert made(PLAN) == made(PLAN)
    other = made(Plan(events=4_000, customers=200, days=400, seed=8))
    assert {event.identity for event in other if isinstance(event, Interaction)}.isdisjoint(
        event.identity for event in made(PLAN)
    )


def test_it_hangs_together() -> None:
    events = made(PLAN)
    streams = Counter(event.topic.name for event in events)
    assert streams["interactions"] + streams["transactions"] == 4_000
    assert streams["customers"] == 200
    known = {event.key for event in events if event.topic.name == "customers"}
    facts = [event for event in events if isinstance(event, Interaction | Transaction)]
    of_customers = Counter(event.customer_id for event in facts)
    assert 0 < sum(count for customer, count in of_customers.items() if customer not in known) < 100
    assert sum(count for _, count in of_customers.most_common(20)) > 1_200, "a tenth does a third"
    assert {event.channel for event in facts if isinstance(event, Interaction)} <= {
        event.key for event in events if event.topic.name == "channels"
    }
    prices = {event.product_id: event for event in events if event.topic.name == "products"}  # type: ignore[attr-defined]
    for event in facts:
        if isinstance(event, Transaction):
            product = prices[event.product_id]  # type: ignore[index]
            assert (event.amount, event.category) == (product.price * event.quantity, product.category)  # type: ignore[attr-defined]
    days = sorted(event.occurred_at.date() for event in facts)
    assert date(2022, 1, 1) <= days[0] < days[-1] <= date(2023, 2, 4)
    december, june = (sum(day.month == month and day.year == 2022 for day in days) for month in (12, 6))
    assert december > 1.3 * june


def test_what_was_bought_last_leads_to_the_next() -> None:
    last: dict[str, str] = {}
    led, times = 0, 0
    for event in made(PLAN):
        if isinstance(event, Transaction):
            if event.customer_id in last:
                times += 1
                led += event.category == LEADS_TO[last[event.customer_id]]
            last[event.customer_id] = event.category or ""
    # 30 %, and a twelfth of the rest by chance.
    assert 0.3 < led / times < 0.45


def test_files_say_the_same_as_topics(tmp_path: Path) -> None:
    counts = write_files(PLAN, tmp_path)
    collector = Collector()
    for stream, count in counts.items():
        path = tmp_path / f"{stream}.csv"
        summary = replay(path, load_mapping(path.with_suffix(".toml")), collector)
        assert (summary.published, summary.rejected) == ({stream: count}, 0)
    replayed = [event for events in collector.events.values() for event in events]
    assert sorted(made(PLAN), key=_name) == sorted(replayed, key=_name)


def _name(event: Event) -> tuple[str, str]:
    return event.topic.name, event.identity

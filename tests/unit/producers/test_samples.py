"""The samples: what each becomes, and that no change to any of them crashes a replay or loses a row."""

import json
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from random import Random

import pytest

from events.contracts import Channel, Customer, Interaction, Product, Transaction
from events.errors import UsageError
from producers.mapping import Mapping
from producers.mapping_file import load_mapping
from producers.replay import Summary, replay
from producers.sources import locate
from tests.unit.producers.conftest import Collector

Replayed = Callable[[Path, Mapping], tuple[Summary, Collector]]
SAMPLES = Path(__file__).parents[3] / "sample_data"
FILES = sorted(path for path in SAMPLES.iterdir() if path.suffix in {".csv", ".json", ".xlsx"})


@pytest.mark.parametrize(
    ("name", "published", "rejected", "skipped"),
    [
        ("shop_customers.csv", {"customers": 250}, 0, 0),
        ("shop_products.csv", {"products": 12}, 0, 0),
        ("shop_orders.csv", {"transactions": 796}, 4, 0),
        ("messaging_customers.csv", {"customers": 120}, 0, 0),
        ("messaging_channels.csv", {"channels": 4}, 0, 0),
        ("messaging_traffic.csv", {"interactions": 960}, 2, 0),
        ("contact_transactions.csv", {"transactions": 394, "customers": 345}, 6, 55),
        ("crm_customers.json", {"customers": 25}, 0, 0),
    ],
)
def test_what_they_become(
    replayed: Replayed, name: str, published: dict[str, int], rejected: int, skipped: int
) -> None:
    path = SAMPLES / name
    summary, _ = replayed(path, load_mapping(path.with_suffix(".toml")))
    assert (summary.published, summary.rejected, summary.skipped) == (published, rejected, skipped)


def events_of(replayed: Replayed, name: str) -> dict[str, list[object]]:
    path = SAMPLES / name
    return dict(replayed(path, load_mapping(path.with_suffix(".toml")))[1].events)


def test_later_traffic_corrects_earlier(replayed: Replayed) -> None:
    traffic = events_of(replayed, "messaging_traffic.csv")["interactions"]
    assert all(isinstance(event, Interaction) for event in traffic)
    told = Counter(event.event_id for event in traffic)  # type: ignore[attr-defined]
    assert Counter(told.values()) == {1: 840, 2: 60}
    counts: dict[str, list[int]] = {}
    for event in traffic:
        counts.setdefault(event.event_id, []).append(event.count)  # type: ignore[attr-defined]
    assert all(later == first + 7 for first, later in (each for each in counts.values() if len(each) == 2))


def test_names_prices_and_refunds(replayed: Replayed) -> None:
    shop = events_of(replayed, "shop_customers.csv")["customers"]
    assert all(isinstance(event, Customer) and event.first_name and event.last_name for event in shop)
    assert "van der Berg" in {event.last_name for event in shop}  # type: ignore[attr-defined]
    products = events_of(replayed, "shop_products.csv")["products"]
    assert all(isinstance(event, Product) and event.price and event.category for event in products)
    channels = events_of(replayed, "messaging_channels.csv")["channels"]
    assert {event.channel: str(event.unit_price) for event in channels if isinstance(event, Channel)} == {
        "SMS": "0.075", "WA": "0.05", "VOICE": "0.12", "MAIL": "0.001",
    }  # fmt: skip
    bought = events_of(replayed, "contact_transactions.csv")["transactions"]
    assert all(isinstance(event, Transaction) and event.currency in {"EUR", "USD"} for event in bought)
    assert any(event.amount < 0 for event in bought)  # type: ignore[attr-defined]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_no_change_to_a_file_loses_a_row(path: Path, tmp_path: Path) -> None:
    """A file with changed bytes is refused as a whole, or each of its rows is published or rejected."""
    random, content, mapping = Random(path.name), path.read_bytes(), load_mapping(path.with_suffix(".toml"))
    changed = tmp_path / path.name
    for _ in range(3 if path.name == "contact_center.xlsx" else 25):
        changed.write_bytes(_mutated(random, content))
        with suppress(UsageError):  # told before anything is published
            collector = Collector()
            summary = replay(locate(str(changed)), mapping, collector)
            published = {stream: len(events) for stream, events in collector.events.items()}
            assert summary.rejected == published.pop("rejected_events", 0)
            assert published == {stream: count for stream, count in summary.published.items() if count}
            assert summary.rows == sum(published.values()) + summary.rejected + summary.skipped
            if path.suffix == ".csv" and summary.complete:
                assert summary.rows >= 1


def _mutated(random: Random, content: bytes) -> bytes:
    mutant = bytearray(content)
    for _ in range(random.randrange(1, 20)):
        place = random.randrange(len(mutant))
        match random.randrange(4):
            case 0:
                mutant[place] = random.randrange(256)
            case 1:
                del mutant[place : place + random.randrange(1, 50)]
            case 2:
                mutant[place:place] = random.choice([b'"', b"\n", b"\0", b"\xff\xfe", b",,,", b"\r", b"{", b"]", b";"])
            case _:
                mutant[place:place] = mutant[place : place + 100]
    return bytes(mutant)


def test_the_crm_serves_what_product_says() -> None:
    customers = json.loads((SAMPLES / "crm_customers.json").read_text(encoding="utf-8"))
    assert len(customers) == len({customer["customer_id"] for customer in customers}) == 25

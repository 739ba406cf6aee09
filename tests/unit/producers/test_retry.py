"""Refused rows, sent again after their mapping was fixed."""

from collections.abc import Callable
from pathlib import Path

from events.contracts import RejectedRow
from producers.mapping import Mapping
from producers.replay import replay
from producers.retry import RefusedRow, retry
from tests.unit.producers.conftest import INTERACTIONS, Collector

Load = Callable[..., Mapping]
Write = Callable[..., Path]
STRICT = INTERACTIONS.replace('"Channel"', '{ column = "Channel", only = ["Email"] }')
FIXED = INTERACTIONS.replace('"Channel"', '{ column = "Channel", values = { "fax" = "Email" }, only = ["Email"] }')


def refused(path: Path, mapping: Mapping) -> list[RefusedRow]:
    collector = Collector()
    replay(path, mapping, collector)
    rows = [event for event in collector.events.get("rejected_events", []) if isinstance(event, RejectedRow)]
    return [RefusedRow(row.stream, row.place, row.row) for row in rows]


def test_rows_that_are_events_now_count_once(mapping: Load, csv_file: Write) -> None:
    path = csv_file(
        ("Customer", "Channel", "Date"),
        ("1", "Email", "01/01/2020 10:00"),
        ("2", "Fax", "01/01/2020 10:00"),
        ("2", "Fax", "01/01/2020 10:00"),
        ("3", "Pigeon", "01/01/2020 10:00"),
        ("4", "Email", "never"),
    )
    rows = refused(path, mapping(STRICT))
    assert len(rows) == 4
    retried, everything = Collector(), Collector()
    counts = retry(rows, mapping(FIXED), retried, source=path.name)
    assert (counts.rows, counts.published, counts.rejected) == (4, {"interactions": 2}, 2)
    assert "rejected_events" not in retried.events, "they are listed already"
    assert retried.finished
    replay(path, mapping(FIXED), everything)
    assert {event.identity for event in retried.events["interactions"]} < {
        event.identity for event in everything.events["interactions"]
    }, "the same facts as a replay of the whole file"


def test_rows_that_are_not_whole_are_left_alone(mapping: Load, csv_file: Write, tmp_path: Path) -> None:
    header = ("Customer", "Channel", "Date")
    long = csv_file(header, ("1", "x" * 3000, "01/01/2020 10:00"), ("1", "a\0b", "01/01/2020 10:00"))
    rows = refused(long, mapping())
    latin = tmp_path / "latin.csv"
    latin.write_bytes(b"Customer,Channel,Date\n1,Caf\xe9,01/01/2020 10:00\n")
    rows += refused(latin, mapping())
    assert [row.is_whole for row in rows] == [False, False, False]
    counts = retry(rows, mapping(), Collector(), source="rows.csv")
    assert (counts.published, counts.rejected) == ({"interactions": 0}, 3)
    assert "its cells were cut: replay the file again" in next(iter(counts.rejections.values())).examples[0]

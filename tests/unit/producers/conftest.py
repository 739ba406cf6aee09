"""Helpers: a mapping or a source written in a line, and a publisher that holds every record against its contract."""

import csv
import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import pytest
import xlsxwriter

from events.contracts import Event
from events.encoding import Record, decode
from producers.mapping import Mapping
from producers.mapping_file import load_mapping
from producers.records import RecordBatch
from producers.replay import Summary, replay

INTERACTIONS = """
source = "test"
[[streams]]
stream = "interactions"
[streams.fields]
customer_id = "Customer"
channel = "Channel"
occurred_at = { column = "Date", format = "%d/%m/%Y %H:%M" }
"""


class Collector:
    """Takes records as Kafka would, and reads them as a processor would."""

    def __init__(self) -> None:
        self.events: dict[str, list[Event]] = {}
        self.finished = False

    def publish(self, record: Record) -> None:
        event = decode(record.topic, record.key, record.value, record.headers)
        assert isinstance(event, Event)
        self.events.setdefault(record.topic, []).append(event)

    def publish_all(self, batch: RecordBatch) -> None:
        for record in batch:
            self.publish(record)

    def finish(self) -> None:
        self.finished = True


@pytest.fixture
def mapping(tmp_path: Path) -> Callable[..., Mapping]:
    """Load a mapping from its text."""

    def load(text: str = INTERACTIONS) -> Mapping:
        path = tmp_path / "mapping.toml"
        path.write_text(text, encoding="utf-8")
        return load_mapping(path)

    return load


@pytest.fixture
def workbook(tmp_path: Path) -> Callable[..., Path]:
    """Write a workbook: sheet names to rows."""

    def write(**sheets: Sequence[Sequence[object]]) -> Path:
        path = tmp_path / "book.xlsx"
        with xlsxwriter.Workbook(path, {"default_date_format": "dd/mm/yyyy hh:mm"}) as book:
            for name, rows in sheets.items():
                sheet = book.add_worksheet(name)
                for number, row in enumerate(rows):
                    sheet.write_row(number, 0, row)
        return path

    return write


@pytest.fixture
def csv_file(tmp_path: Path) -> Callable[..., Path]:
    """Write a CSV file."""

    def write(*rows: Iterable[object]) -> Path:
        path = tmp_path / "rows.csv"
        with path.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows(rows)
        return path

    return write


@pytest.fixture
def ndjson_file(tmp_path: Path) -> Callable[..., Path]:
    """Write an NDJSON file."""

    def write(*objects: object) -> Path:
        path = tmp_path / "rows.ndjson"
        path.write_text("".join(f"{json.dumps(value)}\n" for value in objects), encoding="utf-8")
        return path

    return write


@pytest.fixture
def replayed() -> Callable[[Path, Mapping], tuple[Summary, Collector]]:
    """Replay a file into a Collector; checks that no row got lost."""

    def run(path: Path, mapping: Mapping) -> tuple[Summary, Collector]:
        collector = Collector()
        summary = replay(path, mapping, collector)
        assert collector.finished
        assert summary.complete
        assert summary.rows == sum(summary.published.values()) + summary.rejected + summary.skipped
        assert summary.published == {s: len(collector.events.get(s, [])) for s in summary.published}
        assert summary.rejected == len(collector.events.get("rejected_events", []))
        assert summary.rejected == sum(rejections.count for rejections in summary.rejections.values())
        return summary, collector

    return run

"""Files of every kind, wherever they are: the same rows come out; hostile ones are refused in little memory."""

import csv
import gzip
import io
import json
import random
import sys
import threading
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pyarrow as pa
import pytest
import xlsxwriter
from backports import zstd
from pyarrow import parquet

from events.errors import Unavailable, UsageError
from producers.mapping import Mapping
from producers.pace import Pace
from producers.replay import Options, Summary, replay
from producers.sources import Broken, CsvFormat, Unreadable, excel, locate, open_source
from producers.sources.streams import StandardInput
from tests.unit.producers.conftest import Collector

Load = Callable[..., Mapping]
ROWS = [{"Id": str(number), "Name": f"Zoë, {number}"} for number in range(1, 31)]
CSV = "Id,Name\n" + "".join(f'{row["Id"]},"{row["Name"]}"\n' for row in ROWS)
NDJSON = "".join(f"{json.dumps(row)}\n" for row in ROWS)


def rows_of(name: str, form: CsvFormat | None = None, records: str | None = None) -> list[object]:
    (location,) = locate(name)
    with closing(open_source(location, form, records=records)) as source:
        return [batch.row(place) for batch in source.table(None, ()).batches(7) for place in range(len(batch.numbers))]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("rows.csv", CSV.encode()),
        ("rows.csv.gz", gzip.compress(CSV.encode())),
        ("rows.CSV.ZST", zstd.compress(CSV.encode())),
        ("rows.ndjson.zst", zstd.compress(NDJSON.encode())),
        ("rows.jsonl.gz", gzip.compress(NDJSON[:500].encode()) + gzip.compress(NDJSON[500:].encode())),
        ("rows.json", json.dumps(ROWS).encode()),
        ("rows.json", b"\xef\xbb\xbf \n" + json.dumps(ROWS, indent=3).encode()),
        ("rows.json", NDJSON.encode()),
        ("rows.json.gz", gzip.compress(json.dumps(ROWS).encode())),
        ("rows.tsv", CSV.replace(",", "\t", 1).replace(',"', '\t"').encode("utf-16")),
        ("rows.csv", CSV.replace(",", ";", 1).replace(',"', ';"').encode("utf-8-sig")),
        ("rows.txt", ("sep=|\r\n" + CSV.replace(",", "|", 1).replace(',"', '|"').replace("\n", "\r\n")).encode()),
    ],
)
def test_the_same_rows_in_every_form(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    assert rows_of(str(tmp_path / name)) == ROWS


def test_encodings_headers_and_lines_before_them(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes("Report of May\n\n1;Zoë €\n".encode("cp1252"))
    form = CsvFormat(encoding="cp1252", delimiter=";", skip=2, header=["Id", "Name"])
    assert rows_of(str(path), form) == [{"Id": "1", "Name": "Zoë €"}]


def test_an_array_inside_of_a_document(tmp_path: Path) -> None:
    path = tmp_path / "rows.json"
    path.write_text(json.dumps({"total": 30, "result": {"items": [*ROWS, {"price": 1.10}]}}))
    assert rows_of(str(path), records="result.items") == [*ROWS, {"price": Decimal("1.1")}]


def test_parquet(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    at = datetime(2024, 2, 29, 12, 30, 0, 123456)
    table = pa.table(
        {
            "Id": pa.array(["1", None], pa.string()).dictionary_encode(),
            "When": pa.array([at, at], pa.timestamp("ns")),
            "Zoned": pa.array([at.replace(tzinfo=UTC), None], pa.timestamp("us", "Europe/Berlin")),
            "Price": pa.array([Decimal("1.10"), None]),
            "Raw": pa.array([b"caf\xe9", b"x"]),
        }
    )
    parquet.write_table(table, path)
    first, second = rows_of(str(path))
    assert first["When"] == at  # type: ignore[index]
    assert first["Zoned"] == at.replace(tzinfo=UTC)  # type: ignore[index]
    assert (first["Id"], first["Price"], first["Raw"]) == ("1", Decimal("1.10"), "caf\udce9")  # type: ignore[index]
    assert second == {"Id": None, "When": at, "Zoned": None, "Price": None, "Raw": "x"}


def test_globs_come_in_the_order_of_their_names(tmp_path: Path) -> None:
    for name in ("b.csv", "a.csv.gz", "c.txt"):
        (tmp_path / name).touch()
    assert [location.name for location in locate(f"{tmp_path}/*.csv*")] == ["a.csv.gz", "b.csv"]
    (tmp_path / "d[1].csv").touch()
    assert [location.name for location in locate(f"{tmp_path}/d[1].csv")] == ["d[1].csv"]
    with pytest.raises(UsageError, match="there is no file"):
        locate(f"{tmp_path}/*.parquet")


@pytest.mark.parametrize("compress", [gzip.compress, zstd.compress])
def test_a_file_that_is_cut_off_gives_what_is_there(
    mapping: Load, tmp_path: Path, compress: Callable[[bytes], bytes]
) -> None:
    header, row = b"Customer,Channel,Date\n", b"%d,Email,01/01/2020 10:00\n"
    noise = random.Random(1)
    content = header + b"".join(row % noise.randrange(10**9) for _ in range(50_000))
    path = tmp_path / ("rows.csv.gz" if compress is gzip.compress else "rows.csv.zst")
    path.write_bytes(compress(content)[:-200_000])
    summary = _replayed(path, mapping())
    assert "is damaged or cut off" in (summary.failure or "")
    assert not summary.complete
    assert 1000 < summary.rows < 50_000


def test_json_that_is_cut_off_gives_what_is_there(mapping: Load, tmp_path: Path) -> None:
    row = {"Customer": 1, "Channel": "Email", "Date": "01/01/2020 10:00"}
    path = tmp_path / "rows.json"
    path.write_text(json.dumps([row] * 3000)[:-100])
    summary = _replayed(path, mapping())
    assert "is not JSON, or is cut off" in (summary.failure or "")
    assert summary.rows >= 2000


@pytest.mark.parametrize(
    ("name", "compress", "unit"),
    [
        ("bomb.csv.gz", gzip.compress, b"1" * 999 + b"\n"),
        ("bomb.csv.zst", zstd.compress, b"1" * 999 + b"\n"),
        ("one.csv.zst", zstd.compress, b"1"),
    ],
)
def test_bombs_are_refused(tmp_path: Path, name: str, compress: Callable[[bytes], bytes], unit: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(compress(b"Id\n" + unit * (20_000_000 // len(unit))) * 40)
    with pytest.raises(Unreadable, match=r"inflates to more than|has a line of more than"):
        rows_of(str(path))


def test_an_element_that_never_ends_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "rows.json"
    path.write_text('[{"a": "' + "x" * 20_000_000)
    with pytest.raises(Unreadable, match="has an element of more than"):
        rows_of(str(path))


def test_a_sheet_that_reaches_to_the_last_cell_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "rows.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet("S")
        sheet.write("A1", "Id")
        sheet.write("XFD1048576", "far away")
    with pytest.raises(UsageError, match="reaches over 1,048,576 rows and 16,384 columns"):
        rows_of(str(path))


def test_a_workbook_that_unpacks_to_too_much_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(excel, "_MOST_BYTES", 10_000_000)
    path = tmp_path / "rows.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("xl/worksheets/s.xml", "w") as part:
        part.write(b" " * 10_000_001)
    with pytest.raises(UsageError, match="unpacks to more than"):
        rows_of(str(path))


def test_a_megabyte_in_a_cell_spoils_its_own_row(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text(f'Id,Name\n1,a\n2,"{"x" * 1_000_000}"\n3,c\n')
    (location,) = locate(str(path))
    with closing(open_source(location)) as source:
        (batch,) = source.table(None, ()).batches()
    assert [batch.row(place) for place in range(2)] == [{"Id": "1", "Name": "a"}, {"Id": "3", "Name": "c"}]
    ((number, broken),) = batch.broken
    assert (number, type(broken)) == (3, Broken)


def test_places_with_lines_in_cells(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes(b'Id,Name\r\n1,"a\r\nb"\r\n\r\n2,"c\n\nd\re"\r\n3,x\r\n')
    (location,) = locate(str(path))
    with closing(open_source(location)) as source:
        (batch,) = source.table(None, ()).batches()
    assert batch.numbers == [2, 5, 9]


def test_following_a_file_that_grows(mapping: Load, tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("Customer,Channel,Date\n1,Email,01/01/2020 10:00\n2,Ca")
    told: list[int] = []
    pieces = iter(['ll,01/01/2020 11:00\n3,"Em', 'ail",01/01/2020 12:00\n'])

    def grow(_: float) -> None:
        told.append(len(collector.events.get("interactions", [])))
        with path.open("a") as file:
            file.write(next(pieces, ""))

    collector = Collector()
    options = Options(pace=Pace(sleep=grow), follow=True)
    (location,) = locate(str(path))
    summary = replay([location], mapping(), collector, options=options, stop=lambda: len(told) > 3)
    assert summary.published == {"interactions": 3}
    assert told == [1, 2, 3, 3]


def test_standard_input(monkeypatch: pytest.MonkeyPatch, mapping: Load, tmp_path: Path) -> None:
    path = tmp_path / "input"
    path.write_text("Customer,Channel,Date\n1,Email,01/01/2020 10:00\n2,Call,01/01/2020 11:00")
    with path.open("rb") as file:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(file))
        collector = Collector()
        summary = replay(locate("-"), mapping(), collector)
    assert (summary.published, summary.complete) == ({"interactions": 2}, True)


def test_standard_input_gives_whole_lines() -> None:
    class Slow(StandardInput):
        pieces = iter([b"a\nb", b"", b"c\nd", b"", b"END"])

        def _more(self, _: int) -> bytes:
            piece = next(self.pieces)
            self.ended = piece == b"END"
            return b"" if self.ended else piece

    slow = Slow(io.BytesIO())
    assert [slow.read(100) for _ in range(5)] == [b"a\n", b"", b"bc\n", b"", b"d"]


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, bytes]]:  # noqa: C901 (a server)
    """A small S3 server: path to object; it knows HEAD and GET with ranges, as a reader needs."""
    objects: dict[str, bytes] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self._answer(with_content=False)

        def do_GET(self) -> None:
            self._answer(with_content=True)

        def _answer(self, *, with_content: bool) -> None:
            content = objects.get(self.path.partition("?")[0])
            if content is None:
                self.send_response(404)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            size, status = len(content), 200
            if wanted := self.headers.get("Range"):
                first, last = wanted.removeprefix("bytes=").split("-")
                content = content[int(first) : int(last) + 1]
                status = 206
            self.send_response(status)
            if wanted:
                self.send_header("Content-Range", f"bytes {first}-{int(first) + len(content) - 1}/{size}")
            for name, value in {
                "Content-Length": str(len(content)),
                "ETag": '"1"',
                "Last-Modified": "Thu, 01 Jan 2026 00:00:00 GMT",
            }.items():
                self.send_header(name, value)
            self.end_headers()
            if with_content:
                self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=[0.02], daemon=True).start()
    for name, value in {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.server_port}",
        "AWS_ALLOW_HTTP": "true",
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_REGION": "eu-central-1",
    }.items():
        monkeypatch.setenv(name, value)
    yield objects
    server.shutdown()
    server.server_close()


def test_objects_of_an_object_store(bucket: dict[str, bytes], tmp_path: Path) -> None:
    bucket["/data/in/rows.csv.gz"] = gzip.compress(CSV.encode())
    bucket["/data/in/rows.json"] = json.dumps(ROWS).encode()
    parquet.write_table(pa.Table.from_pylist(ROWS), tmp_path / "rows.parquet")
    bucket["/data/in/rows.parquet"] = (tmp_path / "rows.parquet").read_bytes()
    with xlsxwriter.Workbook(tmp_path / "rows.xlsx") as book:
        sheet = book.add_worksheet("S")
        for number, row in enumerate([("Id", "Name"), *(row.values() for row in ROWS)]):
            sheet.write_row(number, 0, row)
    bucket["/data/in/rows.xlsx"] = (tmp_path / "rows.xlsx").read_bytes()
    for name in ("rows.csv.gz", "rows.json", "rows.parquet", "rows.xlsx"):
        assert rows_of(f"s3://data/in/{name}") == ROWS, name
    with pytest.raises(UsageError, match="there is no object s3://data/in/none"):
        rows_of("s3://data/in/none.csv")


def test_an_object_store_that_does_not_answer() -> None:
    with pytest.raises((Unavailable, UsageError)):
        rows_of("nowhere://data/rows.csv")


def test_several_files_are_one_source(mapping: Load, tmp_path: Path) -> None:
    for name, rows in (("a.csv", 3), ("b.csv", 2)):
        with (tmp_path / name).open("w", newline="") as file:
            csv.writer(file).writerows(
                [("Customer", "Channel", "Date"), *((n, "Email", "01/01/2020 10:00") for n in range(rows))]
            )
    collector = Collector()
    summary = replay(locate(f"{tmp_path}/*.csv"), mapping(), collector)
    assert summary.published == {"interactions": 5}
    # A row that two files hold is the same fact, so that overlapping exports count nothing twice.
    assert len({event.identity for event in collector.events["interactions"]}) == 3


def test_nothing_is_published_when_a_later_file_lacks_a_column(mapping: Load, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("Customer,Channel,Date\n1,Email,01/01/2020 10:00\n")
    (tmp_path / "b.csv").write_text("Customer,Channel\n1,Email\n")
    collector = Collector()
    with pytest.raises(UsageError, match=r"b.csv has no column 'Date'"):
        replay(locate(f"{tmp_path}/*.csv"), mapping(), collector)
    assert not collector.events


def _replayed(path: Path, mapping: Mapping) -> Summary:
    collector = Collector()
    summary = replay(path, mapping, collector)
    assert collector.finished
    assert summary.rows == sum(summary.published.values()) + summary.rejected
    assert len(collector.events["interactions"]) == summary.published["interactions"]
    return summary

"""Files that are wrong on purpose: a cell that can't be read spoils its row; where nothing can be read, it is told."""

import gzip
import json
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pytest
import xlsxwriter
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from events.errors import UsageError
from producers.mapping import Mapping
from producers.replay import replay
from producers.sources import CsvFormat, Unreadable, locate, open_source
from producers.sources.json_file import _Nesting
from tests.unit.producers.conftest import Collector

Load = Callable[..., Mapping]


def rows_of(path: Path, form: CsvFormat | None = None) -> list[Any]:
    (location,) = locate(str(path))
    with closing(open_source(location, form)) as source:
        rows: list[Any] = []
        for batch in source.table(None, ()).batches():
            rows += [batch.row(place) for place in range(len(batch.numbers))]
            rows += [broken for _, broken in batch.broken]
        return rows


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


# Text in encodings that are broken, or others than they seem.

UTF_16 = "Id,Name\n1,a\n".encode("utf-16")


@pytest.mark.parametrize(
    ("content", "encoding", "second"),
    [
        (UTF_16 + "2,".encode("utf-16-le") + b"\x00\xd8" + "x\n".encode("utf-16-le"), None, "\udc00\udcd8x"),
        (UTF_16 + "2,b".encode("utf-16-le") + b"x", None, "b\udc78"),
        (b"Id,Name\n1,a\n2,\x81 \n", "shift_jis", "\udc81 "),
        (b"Id,Name\n1,a\n2,\xff\n", "gb18030", "\udcff"),
        (b"Id,Name\n1,a\n2,\x81\n", "cp1252", "\udc81"),
        (b"Id,Name\n1,a\n2,Zo\xc3\xab \xeb\n", None, "Zoë \udceb"),
        ("Id,Name\n1,a\n2,€\n".encode("utf-32"), None, "€"),
    ],
)
def test_what_can_not_be_decoded_spoils_its_cell(
    tmp_path: Path, content: bytes, encoding: str | None, second: str
) -> None:
    path = written(tmp_path / "rows.csv", content)
    assert rows_of(path, CsvFormat(encoding=encoding)) == [{"Id": "1", "Name": "a"}, {"Id": "2", "Name": second}]


@given(content=st.binary(max_size=200), encoding=st.sampled_from(["utf-16", "utf-32", "utf-7", "iso2022_jp", "big5"]))
def test_any_bytes_in_any_encoding(tmp_path_factory: pytest.TempPathFactory, content: bytes, encoding: str) -> None:
    path = written(tmp_path_factory.mktemp("any") / "rows.csv", "Id,Name\n1,a\n".encode(encoding) + content)
    assert rows_of(path, CsvFormat(encoding=encoding))[0] == {"Id": "1", "Name": "a"}


@pytest.mark.parametrize("encoding", ["idna", "rot13", "base64", "nonsense"])
def test_encodings_that_are_none(mapping: Load, encoding: str) -> None:
    with pytest.raises(UsageError, match=f"there is no encoding '{encoding}'"):
        mapping(
            f'source = "s"\ncsv = {{ encoding = "{encoding}" }}\n'
            '[[streams]]\nstream = "customers"\nfields = { customer_id = "Id" }\n'
        )


@pytest.mark.parametrize("name", ["rows.csv.gz", "rows.csv.zst", "rows.ndjson.gz", "rows.json.zst"])
def test_what_is_not_compressed(tmp_path: Path, name: str) -> None:
    with pytest.raises(Unreadable, match="is damaged or cut off"):
        rows_of(written(tmp_path / name, b"Id,Name\n1,a\n"))


def test_what_follows_a_compressed_file(tmp_path: Path) -> None:
    path = written(tmp_path / "rows.csv.gz", gzip.compress(b"Id\n1\n") + b"garbage")
    with pytest.raises(Unreadable, match="is damaged or cut off"):
        rows_of(path)


# JSON that its reader does not survive.


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"[" * 100_000, "is nested more than 64 levels deep"),
        (b'[{"a":' + b'{"b":[' * 50_000, "is nested more than 64 levels deep"),
        (b'[{"a":1},{"a":' + b"9" * 5_000 + b"}]", "has a number of more than 4,000 digits"),
        (b'[{"a":"' + b"x" * 65_500 + b'"},{"a":' + b"9" * 70_000, "has a number of more than 4,000 digits"),
        (b'[{"a":NaN}]', "is not JSON, or is cut off: lexical error"),
        (b'[{"a":"\xff"}]', "is not JSON, or is cut off: lexical error"),
        (b'[{"a":1}] x', "is not JSON, or is cut off"),
        ('[{"a":1}]'.encode("utf-16"), "is not JSON, or is cut off"),
        (b"", "is not JSON, or is cut off"),
    ],
)
def test_json_that_is_not_read_further(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(Unreadable, match=message) as told:
        rows_of(written(tmp_path / "rows.json", content))
    assert "\n" not in str(told.value)


def test_json_numbers_that_are_far_out(tmp_path: Path) -> None:
    content = b'[{"a":1e999999999},{"a":-1e-999999999}]'
    assert rows_of(written(tmp_path / "rows.json", content)) == [
        {"a": Decimal("1e999999999")},
        {"a": Decimal("-1e-999999999")},
    ]


TEXTS = st.text(alphabet='ab"\\[]{}', max_size=5)
VALUES = st.recursive(
    TEXTS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=2), max_leaves=20
)


@given(value=VALUES, size=st.integers(1, 9))
def test_nesting_is_told_whatever_stands_in_texts(value: object, size: int) -> None:
    content, nesting = json.dumps([value]).encode(), _Nesting()
    told = max(nesting.levels(content[place : place + size]) for place in range(0, len(content), size))
    deepest = _depth([value])
    assert deepest <= 2 * told <= 4 * deepest + 2
    assert nesting.levels(b"[") == 1  # back at the top


def _depth(value: object) -> int:
    if isinstance(value, dict):
        value = list(value.values())
    return 1 + max(map(_depth, value), default=0) if isinstance(value, list) else 0


# Workbooks.


@pytest.mark.parametrize(
    ("serial", "since_1900", "since_1904"),
    [
        (1, date(1900, 1, 1), date(1904, 1, 2)),
        (59, date(1900, 2, 28), date(1904, 2, 29)),
        # Excel believes in a 29 February 1900, which never was.
        (60, date(1900, 2, 28), date(1904, 3, 1)),
        (61, date(1900, 3, 1), date(1904, 3, 2)),
        (60.5, datetime(1900, 2, 28, 12), datetime(1904, 3, 1, 12)),
        (43_890, date(2020, 2, 29), date(2024, 3, 1)),
        # Behind the end of the calendar it is a number, which no field takes for a date.
        (2_958_466, 2_958_466.0, 2_958_466.0),
    ],
)
def test_serial_dates(tmp_path: Path, serial: float, since_1900: object, since_1904: object) -> None:
    for since, expected in ((False, since_1900), (True, since_1904)):
        path = tmp_path / f"{since}.xlsx"
        with xlsxwriter.Workbook(path, {"date_1904": since}) as book:
            sheet = book.add_worksheet("S")
            sheet.write(0, 0, "day")
            sheet.write_number(1, 0, serial, book.add_format({"num_format": "yyyy-mm-dd hh:mm"}))
        assert rows_of(path) == [{"day": expected}]


def test_days_that_excel_can_not_have_are_rejected(mapping: Load, tmp_path: Path) -> None:
    text = 'source = "s"\n[[streams]]\nstream = "customers"\nfields = { customer_id = "Id", date_of_birth = "Day" }\n'
    path = tmp_path / "rows.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet, day = book.add_worksheet("S"), book.add_format({"num_format": "yyyy-mm-dd"})
        sheet.write_row(0, 0, ["Id", "Day"])
        for row, serial in enumerate((0, -1, 0.5, 2_958_466, 43_890), start=1):
            sheet.write(row, 0, row)
            sheet.write_number(row, 1, serial, day)
    summary = replay(path, mapping(text), Collector())
    assert (summary.published, summary.rejected) == ({"customers": 1}, 4)


def test_a_workbook_that_is_cut_off(tmp_path: Path) -> None:
    content = (Path(__file__).parents[3] / "sample_data" / "crm_export.xlsx").read_bytes()
    for size in (0, 1, 100, len(content) // 2, len(content) - 1):
        with pytest.raises(UsageError, match="is not a workbook that can be read"):
            rows_of(written(tmp_path / "rows.xlsx", content[:size]))


# Parquet.

AT_NS = 1_709_209_800_123_456_789


@pytest.mark.parametrize(
    ("array", "cell"),
    [
        (pa.array([{"a": [1]}, None]), {"a": [1]}),
        (pa.array([[1, 2], None]), [1, 2]),
        (pa.array([Decimal("1.10"), None]), Decimal("1.10")),
        (pa.array([Decimal("1.1"), None], pa.decimal256(60, 10)), Decimal("1.1")),
        (pa.array([AT_NS, None], pa.timestamp("ns")), datetime(2024, 2, 29, 12, 30, 0, 123456)),
        (
            pa.array([AT_NS, None], pa.timestamp("ns", "Asia/Tokyo")),
            datetime(2024, 2, 29, 12, 30, 0, 123456, tzinfo=UTC),
        ),
        (pa.array([1, None], pa.duration("ns")), timedelta()),
        (pa.array([36_000_000_000_001, None], pa.time64("ns")), datetime(2024, 1, 1, 10).time()),
        (pa.array([b"caf\xe9", None], pa.binary(4)), "caf\udce9"),
        (pa.array([b"\xff", None]).dictionary_encode(), "\udcff"),
        (pa.array([[AT_NS], None], pa.list_(pa.timestamp("ns"))), "a list<element: timestamp[ns]> that can't be read"),
        (pa.array([0, None], pa.timestamp("us", "No/Where")), "a timestamp[us, tz=No/Where] that can't be read"),
        (pa.array([2**60, None], pa.timestamp("us")), "a timestamp[us] that can't be read"),
        (pa.nulls(2), None),
    ],
    ids=lambda value: str(value.type) if isinstance(value, pa.Array) else "",
)
def test_parquet_of_every_type(tmp_path: Path, array: Any, cell: object) -> None:
    parquet.write_table(pa.table({"x": array}), tmp_path / "rows.parquet")
    assert rows_of(tmp_path / "rows.parquet") == [{"x": cell}, {"x": None}]


def test_parquet_cells_that_can_not_be_read_spoil_their_own_rows(mapping: Load, tmp_path: Path) -> None:
    text = (
        'source = "s"\n[[streams]]\nstream = "interactions"\n'
        'fields = { customer_id = "Id", channel = "Via", occurred_at = "At" }\n'
    )
    table = {
        "Id": ["1", "2", "3"],
        "Via": [b"Email", b"\xff", b"Call"],
        "At": pa.array([0, 0, 2**60], pa.timestamp("us")),
        "Unused": pa.array([[0], [1], [2]], pa.list_(pa.duration("ns"))),
    }
    parquet.write_table(pa.table(table), tmp_path / "rows.parquet")
    summary = replay(tmp_path / "rows.parquet", mapping(text), Collector())
    assert (summary.published, summary.rejected) == ({"interactions": 1}, 2)
    assert set(summary.rejections) == {("interactions", "Via"), ("interactions", "At")}


def test_parquet_that_is_cut_off_or_damaged(tmp_path: Path) -> None:
    path, random = tmp_path / "rows.parquet", Random(1)
    parquet.write_table(pa.table({"Id": list(range(20_000)), "Name": ["x" * 20] * 20_000}), path)
    content = path.read_bytes()
    for size in (0, 4, 100, len(content) // 2, len(content) - 1):
        with pytest.raises(UsageError, match="is not Parquet"):
            rows_of(written(path, content[:size]))
    ends = set()
    for _ in range(60):
        damaged = bytearray(content)
        for _ in range(random.randrange(1, 20)):
            damaged[random.randrange(len(damaged))] = random.randrange(256)
        try:
            ends.add(f"{len(rows_of(written(path, bytes(damaged)))):,} rows")
        except UsageError as error:
            ends.add(type(error).__name__)
    assert ends >= {"20,000 rows", "Unreadable"}


# CSV.


@pytest.mark.parametrize("kind", ["csv", "tsv"])
def test_nuls_anywhere(tmp_path: Path, kind: str) -> None:
    rows = rows_of(written(tmp_path / f"rows.{kind}", b"Id\0,Name\n\0,a\n1,\0\n\0\0\n"))
    assert rows == [
        {"Id\0": "\0", "Name": "a"},
        {"Id\0": "1", "Name": "\0"},
        {"Id\0": "\0\0", "Name": None},
    ]

"""Readers with hostile input: every row comes out once, at the place where a person finds it."""

from collections.abc import Callable
from contextlib import closing
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
import xlsxwriter

from events.errors import UsageError
from producers.sources import Broken, Source, Table, locate, open_source


def opened(path: Path) -> Source:
    (location,) = locate(str(path))
    return open_source(location)


def rows_of(table: Table) -> list[tuple[int, object]]:
    rows: list[tuple[int, object]] = []
    for batch in table.batches():
        rows += [(number, batch.row(place)) for place, number in enumerate(batch.numbers)]
        rows += batch.broken
    return sorted(rows, key=lambda row: row[0])


def read(path: Path, *columns: str, sheet: str | None = None) -> list[tuple[str, object]]:
    with closing(opened(path)) as source:
        table = source.table(sheet, [(column,) for column in columns])
        return [(table.place(number), cells) for number, cells in rows_of(table)]


def numbered(path: Path) -> list[tuple[int, object]]:
    with closing(opened(path)) as source:
        return rows_of(source.table(None, ()))


def write(tmp_path: Path, content: bytes, name: str = "rows.csv") -> Path:
    path = tmp_path / name
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("none.csv", "there is no file"),
        ("none.xlsx", "there is no file"),
        ("folder.csv", "is a folder"),
        ("rows.doc", "files of this kind can't be read: expected one of .csv"),
        ("rows.parquet", "is not Parquet"),
        ("text.xlsx", "is not a workbook that can be read"),
        ("empty.csv", "is empty: expected the names of the columns"),
        ("blank.csv", "is empty: expected the names of the columns"),
        ("quote.csv", "line 1: the header is not CSV"),
    ],
)
def test_files_that_can_not_be_read(tmp_path: Path, name: str, message: str) -> None:
    (tmp_path / "folder.csv").mkdir()
    contents = {
        "rows.doc": b"",
        "rows.parquet": b"PAR1",
        "text.xlsx": b"no zip",
        "empty.csv": b"",
        "blank.csv": b",,\n",
        "quote.csv": b'"a',
    }
    if name in contents:
        write(tmp_path, contents[name], name)
    with pytest.raises(UsageError, match=message):
        opened(tmp_path / name)


def test_csv_rows_and_places(tmp_path: Path) -> None:
    path = write(tmp_path, b'\xef\xbb\xbfId, Name\r\n1,"a, ""b""\nc"\r\n\r\n , \r\n2,\r\n3\r\n4,d,,\r\n')
    assert read(path, "Id", "Name") == [
        ("line 2", {"Id": "1", "Name": 'a, "b"\nc'}),
        ("line 6", {"Id": "2", "Name": ""}),
        ("line 7", {"Id": "3", "Name": None}),
        ("line 8", {"Id": "4", "Name": "d"}),
    ]


def test_broken_csv_rows_spoil_no_others(tmp_path: Path) -> None:
    path = write(tmp_path, b'Id,Name\n1,a,b\n2,"x"y\n3,\xe9\n4,\0\n5,' + b"z" * 200_000 + b'\n6,ok\n7,"never closed\n')
    rows = read(path, "Id")
    assert [place for place, _ in rows] == [f"line {number}" for number in range(2, 9)]
    broken = [cells for _, cells in rows if isinstance(cells, Broken)]
    assert broken[0] == Broken("3 cells are more than the 2 columns: is a ',' not quoted?", "1,a,b")
    assert "the line is not CSV" in broken[1].reason
    assert broken[1].text == '2,"x"y\n'
    assert "field limit" in broken[2].reason
    assert "unexpected end of data" in broken[3].reason
    assert rows[2][1] == {"Id": "3", "Name": "\udce9"}
    assert rows[3][1] == {"Id": "4", "Name": "\0"}
    assert rows[5][1] == {"Id": "6", "Name": "ok"}


def test_columns_that_are_missing_or_double(tmp_path: Path) -> None:
    source = opened(write(tmp_path, b"Id,Name,Name\n1,a,b\n"))
    with pytest.raises(UsageError, match="has no column 'Key': its columns are 'Id', 'Name', 'Name'"):
        source.table(None, [("Key",)])
    with pytest.raises(UsageError, match="has 2 columns called 'Name': rename all but one"):
        source.table(None, [("Name",)])
    with pytest.raises(UsageError, match="has no sheets, but its mapping names 'S'"):
        source.table("S", [("Id",)])
    assert source.table(None, [("Id",)]).size == len(b"Id,Name,Name\n1,a,b\n")
    source.close()


def test_csv_tells_how_far_it_is(tmp_path: Path) -> None:
    path = write(tmp_path, b"Id\n" + b"1234567\n" * 20_000)
    with closing(opened(path)) as source:
        table = source.table(None, [("Id",)])
        batches = table.batches(500)
        assert len(next(batches).numbers) == 500
        assert 0 < table.position() < table.size
        assert sum(len(batch.numbers) for batch in batches) == 19_500
        assert table.position() == table.size


def test_ndjson_rows_and_places(tmp_path: Path) -> None:
    content = b'\xef\xbb\xbf{"id": 1, "x": 1.10}\r\n\n{}\n{"id": null, "x": ""}\n[1]\n{"id"\n{"x": NaN}\n{"id": [1]}'
    rows = read(write(tmp_path, content, "rows.ndjson"), "id")
    assert rows[0] == ("line 1", {"id": 1, "x": Decimal("1.10")})
    assert repr(rows[0][1]["x"]) == "Decimal('1.10')"  # type: ignore[index]
    assert [place for place, _ in rows] == ["line 1", "line 5", "line 6", "line 7", "line 8"]
    reasons = [cells.reason for _, cells in rows if isinstance(cells, Broken)]
    assert "not an object" in reasons[0]
    assert "the line is not JSON" in reasons[1]
    assert "the line is not JSON" in reasons[2]


@pytest.mark.parametrize("line", [b"[" * 100_000, b"9" * 5_000, b'{"a":' * 100_000, b"\xff", b'"\\ud800"', b"\0"])
def test_hostile_json(tmp_path: Path, line: bytes) -> None:
    (row,) = numbered(write(tmp_path, line, "rows.jsonl"))
    assert isinstance(row[1], Broken)


def test_excel_rows_and_places(workbook: Callable[..., Path]) -> None:
    moment = datetime(2019, 10, 4, 9, 7)
    path = workbook(
        Facts=[(), (" Id ", "When", 3), (), (1, moment, "  "), ("  ",), (" 2 ", "04/10/2019", True)], Empty=[]
    )
    assert read(path, "Id", "When", sheet="Facts") == [
        ("sheet 'Facts', row 4", {"Id": 1.0, "When": moment, "3.0": "  "}),
        ("sheet 'Facts', row 6", {"Id": " 2 ", "When": "04/10/2019", "3.0": True}),
    ]
    with closing(opened(path)) as source:
        table = source.table("Facts", [("Id",)])
        assert (table.size, len(rows_of(table)), table.position()) == (6, 2, 6)


def test_excel_sheets_and_columns_that_are_missing(workbook: Callable[..., Path]) -> None:
    with closing(opened(workbook(Facts=[("Id",)], Empty=[]))) as source:
        with pytest.raises(UsageError, match="has no sheet 'facts': its sheets are 'Facts', 'Empty'"):
            source.table("facts", [])
        with pytest.raises(UsageError, match="several sheets: let the mapping name one with `sheet`: 'Facts', 'Empty'"):
            source.table(None, [])
        with pytest.raises(UsageError, match="sheet 'Facts' has no column 'Name': its columns are 'Id'"):
            source.table("Facts", [("Id",), ("Name",)])
        with pytest.raises(UsageError, match="sheet 'Empty' has no column 'Id': its columns are none"):
            source.table("Empty", [("Id",)])
        assert list(source.table("Empty", []).batches()) == []


def test_an_only_sheet_needs_no_name(workbook: Callable[..., Path]) -> None:
    assert read(workbook(Only=[("Id",), (7,)]), "Id") == [("sheet 'Only', row 2", {"Id": 7.0})]


def test_excel_formulas_errors_and_dates(tmp_path: Path) -> None:
    with xlsxwriter.Workbook(tmp_path / "book.xlsx") as book:
        sheet = book.add_worksheet("S")
        sheet.write_row(0, 0, ["formula", "error", "day", "text"])
        sheet.write_formula(1, 0, "=1+1", None, 2)
        sheet.write_formula(1, 1, "=1/0", None, "#DIV/0!")
        sheet.write_datetime(1, 2, datetime(2020, 2, 29), book.add_format({"num_format": "dd/mm/yyyy"}))
        sheet.write_string(1, 3, "007")
    (row,) = read(tmp_path / "book.xlsx", sheet="S")
    assert row[1] == {"formula": 2.0, "error": "", "day": date(2020, 2, 29), "text": "007"}


def test_a_workbook_that_counts_dates_from_1904(tmp_path: Path) -> None:
    with xlsxwriter.Workbook(tmp_path / "book.xlsx", {"date_1904": True, "default_date_format": "d/m/yy h:mm"}) as book:
        book.add_worksheet("S").write_column(0, 0, ["day", datetime(2020, 2, 29, 12)])
    assert read(tmp_path / "book.xlsx", sheet="S")[0][1] == {"day": datetime(2020, 2, 29, 12)}

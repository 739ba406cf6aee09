"""What a replay says of the files that it read: their SHA-256, taken on the way."""

import gzip
import hashlib
from collections.abc import Callable
from datetime import datetime
from io import BufferedReader
from pathlib import Path

import pyarrow as pa
import pytest
from backports import zstd
from pyarrow import parquet

from producers.mapping import Mapping
from producers.publish import DryRun
from producers.replay import Options, replay
from producers.sources import Location, locate

Load = Callable[..., Mapping]
ROWS = b"Customer,Channel,Date\n" + b"1,Email,01/01/2020 10:00\n" * 5000


def written(path: Path) -> Path:
    """The rows in a file of the kind that its name says."""
    if path.suffix == ".parquet":
        columns = {"Customer": ["1"], "Channel": ["Email"], "Date": [datetime(2020, 1, 1)]}
        parquet.write_table(pa.table(columns), path)
    elif path.suffix == ".json":
        path.write_text('[{"Customer": 1, "Channel": "Email", "Date": "01/01/2020 10:00"}]' + " " * 100_000)
    else:
        packed = {".gz": gzip.compress, ".zst": zstd.compress}.get(path.suffix, bytes)
        path.write_bytes(packed(ROWS))
    return path


@pytest.mark.parametrize("name", ["rows.csv", "rows.csv.gz", "rows.csv.zst", "rows.json", "rows.parquet"])
def test_a_file_that_was_read(name: str, tmp_path: Path, mapping: Load) -> None:
    path = written(tmp_path / name)
    (file,) = replay(path, mapping(), DryRun()).files
    assert (file.location.address, file.size_bytes) == (str(path), path.stat().st_size)
    assert file.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_workbook(mapping: Load, workbook: Callable[..., Path]) -> None:
    path = workbook(A=[("Customer", "Channel", "Date"), (1, "Email", "01/01/2020 10:00")])
    (file,) = replay(path, mapping(), DryRun()).files
    assert file.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_standard_input(mapping: Load, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with written(tmp_path / "rows.csv").open("rb") as file:
        monkeypatch.setattr("sys.stdin", type("Stdin", (), {"buffer": BufferedReader(file)}))
        (read,) = replay([Location("-", ".csv")], mapping(), DryRun()).files
    assert read.sha256 == hashlib.sha256(ROWS).hexdigest()


def test_a_file_that_was_not_read_to_its_end(mapping: Load, tmp_path: Path) -> None:
    locations = [*locate(str(written(tmp_path / "a.csv"))), *locate(str(written(tmp_path / "b.csv")))]
    rows: list[int] = []
    summary = replay(
        locations,
        mapping(),
        DryRun(),
        on_progress=lambda progress: rows.append(progress.rows),
        stop=lambda: rows[-1] >= 6000,
    )
    assert [file.location.name for file in summary.files] == ["a.csv"]


def test_a_file_that_may_grow(mapping: Load, tmp_path: Path) -> None:
    rows: list[int] = []
    summary = replay(
        locate(str(written(tmp_path / "a.csv"))),
        mapping(),
        DryRun(),
        options=Options(follow=True),
        on_progress=lambda progress: rows.append(progress.rows),
        stop=lambda: rows[-1] >= 5000,
    )
    assert summary.files == ()

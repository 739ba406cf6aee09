"""Laws: no row gets lost whatever the cells hold, and a fact keeps its identity however the file is written."""

import csv
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from producers.mapping import Mapping
from producers.publish import DryRun
from producers.replay import replay

HEADER = ("Customer", "Channel", "Date")
TEXTS = st.one_of(
    st.text(max_size=12),
    st.sampled_from(
        ["", " ", "1", "1.0", "Email", "01/01/2020 10:00", "31/02/2020 10:00", "\0", "\udce9", "\u2028", '"']
    ),
)
ROWS = st.lists(st.tuples(TEXTS, TEXTS, TEXTS), max_size=12)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=4,
)
GOOD = st.tuples(st.sampled_from("123"), st.sampled_from(["Email", "Call"]), st.just("01/01/2020 10:00"))
per_file = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=80)

Replayed = Callable[[Path, Mapping], tuple[object, object]]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "rows.csv"


@pytest.fixture
def interactions(mapping: Callable[[], Mapping]) -> Mapping:
    return mapping()


def write_csv(path: Path, rows: list[tuple[str, str, str]]) -> Path:
    with path.open("w", newline="", encoding="utf-8", errors="surrogatepass") as file:
        csv.writer(file).writerows([HEADER, *rows])
    return path


def identities(path: Path, mapping: Mapping) -> Counter[str]:
    publisher = DryRun(keep=10**9)
    replay(path, mapping, publisher)
    values = publisher.first_values()
    facts = [json.loads(bytes(value))["event_id"] for value in values.get("interactions", [])]
    return Counter([*facts, *(json.loads(bytes(value))["reject_id"] for value in values.get("rejected_events", []))])


@per_file
@given(rows=ROWS)
def test_no_csv_row_gets_lost(
    replayed: Replayed, interactions: Mapping, path: Path, rows: list[tuple[str, str, str]]
) -> None:
    summary, _ = replayed(write_csv(path, rows), interactions)
    assert summary.rows == sum(1 for row in rows if any(cell.strip() for cell in row))  # type: ignore[attr-defined]


@per_file
@given(content=st.binary(max_size=200) | st.text(alphabet='1,"\n\r\0 Email/:é', max_size=80).map(str.encode))
def test_any_bytes_below_the_header(replayed: Replayed, interactions: Mapping, path: Path, content: bytes) -> None:
    path.write_bytes(b"Customer,Channel,Date\n1,Email,01/01/2020 10:00\n" + content)
    replayed(path, interactions)


def is_unicode(value: object) -> bool:
    """False where half of a surrogate pair stands, even in the name of an empty member: such a line is no JSON."""
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


@per_file
@given(values=st.lists(st.dictionaries(st.sampled_from(HEADER) | TEXTS, VALUES, max_size=4) | VALUES, max_size=6))
def test_no_json_line_gets_lost(
    replayed: Replayed, interactions: Mapping, tmp_path: Path, values: list[object]
) -> None:
    path = tmp_path / "rows.ndjson"
    path.write_text("".join(f"{json.dumps(value)}\n" for value in values), encoding="utf-8")
    summary, _ = replayed(path, interactions)
    kept = [
        value for value in values
        if not (isinstance(value, dict) and all(cell is None or cell == "" for cell in value.values()))
        or not is_unicode(value)
    ]  # fmt: skip
    assert summary.rows == len(kept)  # type: ignore[attr-defined]


@per_file
@given(
    rows=st.lists(GOOD | st.tuples(TEXTS, TEXTS, TEXTS), max_size=15),
    seed=st.integers(),
    more=st.lists(GOOD, max_size=5),
)
def test_replayed_shuffled_and_longer_files_tell_the_same_facts(
    interactions: Mapping, path: Path, rows: list[tuple[str, str, str]], seed: int, more: list[tuple[str, str, str]]
) -> None:
    first = identities(write_csv(path, rows), interactions)
    assert identities(path, interactions) == first
    longer = [*rows, *more]
    Random(seed).shuffle(rows)
    assert identities(write_csv(path, rows), interactions) == first
    Random(seed).shuffle(longer)
    assert identities(write_csv(path, longer), interactions) >= first
    assert first.total() == len(first), "every row is a fact of its own, also when another one says the same"


def test_the_same_rows_of_another_source_are_other_facts(mapping: Callable[[str], Mapping], path: Path) -> None:
    text = """
    source = "{name}"
    [[streams]]
    stream = "interactions"
    fields = {{ customer_id = "Customer", channel = "Channel", occurred_at = "Date" }}
    """
    write_csv(path, [("1", "Email", "2020-01-01 10:00"), ("", "", "never")])
    here, there = (identities(path, mapping(text.format(name=name))) for name in ("here", "there"))
    assert len(here) == len(there) == 2
    assert not here & there


def test_another_file_name_and_spelling_is_the_same_fact(interactions: Mapping, tmp_path: Path) -> None:
    one = write_csv(tmp_path / "one.csv", [("1", "Email", "01/01/2020 10:00")])
    two = write_csv(tmp_path / "two.csv", [(" 1.0", "Email ", "1/1/2020 10:00")])
    assert identities(one, interactions) == identities(two, interactions)


def test_ids_that_a_source_brings_are_kept(mapping: Callable[[str], Mapping], path: Path) -> None:
    text = """
    source = "test"
    [[streams]]
    stream = "interactions"
    fields = { event_id = "Customer", customer_id = "Customer", channel = "Channel", occurred_at = "Date" }
    """
    write_csv(path, [("7.0", "Email", "2020-01-01"), ("7", "Call", "2020-01-01")])
    assert identities(path, mapping(text)) == Counter({"7": 2})

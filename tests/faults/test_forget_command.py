"""`c360 forget` with a processor: afterwards no table says anything of the person, and what would is found."""

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal

import psycopg
import pytest
from msgspec.structs import replace

from c360.__main__ import run
from c360.traces import Person, read_person, traces
from events.contracts import Customer, Interaction, RejectedRow
from events.encoding import Record, encode
from tests.faults.stand import PARTITIONS, Stand

JOHANNA = Customer(
    customer_id="4711",
    first_name="Johanna",
    last_name="Müllerin",
    email="jo@example.org",
    phone="+49 555 0123",
    address='Am "Graben" 17',
    date_of_birth=date(1987, 6, 5),
    account_balance=Decimal("8765.4321"),
    occupation="Glaziologist",
    account_id="ACC-0815",
    segment="Gold",
)
#: Who lives there, too, and is called the same.
SISTER = replace(JOHANNA, customer_id="4712", first_name="Maria", email="maria@example.org")
TOLD = Interaction(
    event_id="2020-02-01 4711", customer_id="4711", channel="Email", occurred_at=datetime(2020, 2, 1, tzinfo=UTC)
)

C360 = Callable[..., tuple[int, dict[str, object], str]]


@pytest.fixture
def c360(stand: Stand, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> C360:
    """Forget somebody; gives exit code, what was printed, and complaints."""
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", stand.broker.address)
    monkeypatch.setenv("KAFKA_PARTITIONS", str(PARTITIONS))
    monkeypatch.setenv("DATABASE_URL", stand.database_url)

    def call(*arguments: str) -> tuple[int, dict[str, object], str]:
        capfd.readouterr()
        code = run(["forget", *arguments, "--json"])
        out, complaint = capfd.readouterr()
        return code, json.loads(out or "{}"), complaint

    return call


def told(stand: Stand) -> None:
    """Tell of both sisters, with refused records that only a look at their contents can assign, and wait."""
    row: dict[str, str | None] = {"Mail": "JO@example.org", "Id": ""}
    named: dict[str, str | None] = {"Vorname": "Johanna", "Nachname": "Müllerin"}
    refused = [
        RejectedRow(reject_id="1", stream="customers", source="a.csv", place="1", reason="?", row=row),
        RejectedRow(reject_id="2", stream="customers", source="a.csv", place="2", reason="?", row=named),
        RejectedRow(reject_id="3", stream="customers", source="a.csv", place="3", reason="?", row={"Id": "other"}),
    ]
    broken = Record("customers", b"?", b'{"address": "Am \\"Graben\\" 17', [])
    records = [encode(event) for event in (JOHANNA, SISTER, TOLD, *refused)]
    stand.publish([*records, broken])
    stand.start_processor()
    stand.wait_until_done()


def left(stand: Stand, person: Person) -> set[tuple[str, str, str]]:
    with psycopg.connect(stand.database_url) as connection:
        return {(trace.table, trace.column, trace.attribute) for trace in traces(connection, person)}


def test_nothing_is_left(stand: Stand, c360: C360) -> None:
    told(stand)
    with psycopg.connect(stand.database_url) as connection:
        connection.execute("CREATE MATERIALIZED VIEW latest AS SELECT customer_id, email FROM customers")
        person = read_person(connection, "4711")
    before = left(stand, person)
    assert {(table, attribute) for table, _, attribute in before} >= {
        *(("customers", name) for name in ("customer_id", "email", "phone", "address", "account_id", "date_of_birth")),
        *(("rejected_events", name) for name in ("email", "address", "last_name")),
        ("interactions", "customer_id"),
    }
    code, said, _ = c360("4711")
    assert (code, said["ok"], said["left"]) == (0, True, [])
    assert said["refused_dropped"] == 3
    assert left(stand, person) == set()
    with psycopg.connect(stand.database_url) as connection:
        assert connection.execute("SELECT count(*) FROM rejected_events").fetchone() == (1,)
        assert connection.execute("SELECT last_name FROM customers WHERE customer_id = '4712'").fetchone() == (
            "Müllerin",
        )
    remains = {one["topic"]: one for one in said["remains_in_topics"]}  # type: ignore[attr-defined]
    assert remains["interactions"]["facts"] == 1
    assert remains["customers"]["retention"] == "for ever: nothing deletes it"
    code, _, complaint = c360("4711")
    assert (code, "nothing is known of a customer '4711'" in complaint) == (2, True)


def test_what_is_left_is_told(stand: Stand, c360: C360) -> None:
    """Copies that nobody thought of, in every kind of column."""
    told(stand)
    with psycopg.connect(stand.database_url) as connection:
        connection.execute("CREATE TABLE copies (t text, j jsonb, b bytea, d date, html text, a text[])")
        connection.execute(
            "INSERT INTO copies VALUES ('see jo@example.org.', NULL), (NULL, %s), ('of banjo@example.org', NULL)",
            [json.dumps({"name": ["Müllerin, Johanna"]})],
        )
        connection.execute("INSERT INTO copies (b) VALUES (%s)", [b'{"n": "Johanna M\\u00fcllerin"}'])
        connection.execute("INSERT INTO copies (b) VALUES (%s)", ["Johanna Müllerin".encode()])
        connection.execute("INSERT INTO copies (t, d) VALUES ('Glaziologist', '1987-06-05'), ('Glaziologist', NULL)")
        connection.execute("INSERT INTO copies (html, a) VALUES (%s, %s)", ["Am &quot;Graben&quot; 17", ["ACC-0815"]])
    code, said, _ = c360("4711")
    assert (code, said["ok"]) == (1, False)
    places = {(one["column"], one["attribute"]): one["rows"] for one in said["left"]}  # type: ignore[attr-defined]
    assert {one["table"] for one in said["left"]} == {"copies"}  # type: ignore[attr-defined]
    assert places[("t", "email")] == 1
    assert places[("b", "full name")] == 2
    assert places[("d", "date_of_birth")] == places[("t", "occupation")] == 1
    assert places[("j", "last_name")] == places[("html", "address")] == places[("a", "account_id")] == 1


def test_no_processor(stand: Stand, c360: C360) -> None:
    with psycopg.connect(stand.database_url) as connection:
        connection.execute("INSERT INTO customers (customer_id, partition) VALUES ('1', 0)")
    code, _, complaint = c360("1", "--timeout", "0.5")
    assert (code, "start a processor" in complaint) == (3, True)

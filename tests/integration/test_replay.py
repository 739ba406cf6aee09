"""`c360 replay` with a real broker: what a consumer finds afterwards, and what the command says when there is none."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from confluent_kafka import Consumer, TopicPartition

from c360.testing.servers import BrokerServer
from events import topics
from events.admin import create_topics
from events.contracts import Event, RejectedRow
from events.encoding import decode
from events.errors import Unavailable
from producers.mapping_file import load_mapping
from producers.publish import KafkaPublisher
from producers.replay import Progress, replay

SAMPLES = Path(__file__).parents[2] / "sample_data"
PARTITIONS = 4
INTERACTIONS = """
source = "t"
[[streams]]
stream = "interactions"
fields = { customer_id = "Customer", channel = "Channel", occurred_at = "At" }
"""


def c360(address: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "c360", "replay", *arguments],
        env=environment(address),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def environment(address: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("KAFKA_", "DATABASE_", "C360_"))}
    return {**kept, "KAFKA_BOOTSTRAP_SERVERS": address, "KAFKA_PARTITIONS": str(PARTITIONS)}


def consume(address: str, topic: str, expected: int) -> list[Event]:
    """Read a topic from its start, and hold keys and partitions against the contract."""
    config = {"bootstrap.servers": address, "group.id": str(uuid4()), "enable.auto.commit": False}
    found = []
    with closing(Consumer(config)) as consumer:
        consumer.assign([TopicPartition(topic, partition, 0) for partition in range(PARTITIONS)])
        deadline = time.monotonic() + 15
        while len(found) < expected and time.monotonic() < deadline:
            for message in consumer.consume(expected - len(found), timeout=0.2):
                assert message.error() is None
                assert message.partition() == topics.partition_of(message.key(), PARTITIONS)
                found.append(decode(topic, message.key(), message.value(), message.headers() or ()))
        assert not consumer.consume(1, timeout=0.5), "more than expected"
    return found


def wait_for_a_record(address: str, topic: str) -> None:
    with closing(Consumer({"bootstrap.servers": address, "group.id": str(uuid4()), "log_level": 0})) as consumer:
        consumer.assign([TopicPartition(topic, partition, 0) for partition in range(PARTITIONS)])
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            message = consumer.poll(0.2)
            if message and not message.error():  # until the topic exists, messages are errors
                return
    pytest.fail(f"nothing came on {topic}")


def test_the_small_workbook(broker_server: BrokerServer) -> None:
    done = c360(broker_server.address, SAMPLES / "crm_export.xlsx")
    assert done.returncode == 0, done.stderr
    assert "12 rows read" in done.stdout
    assert "5 customers published" in done.stdout
    assert "0 rejected" in done.stdout
    customers = consume(broker_server.address, "customers", 5)
    assert {event.customer_id: event.customer_type for event in customers} == {  # type: ignore[attr-defined]
        "1": "Red", "2": "Orange", "3": "Blue", "11": "Orange", "12": "Red",
    }  # fmt: skip
    interactions = consume(broker_server.address, "interactions", 4)
    assert Counter((event.customer_id, event.channel) for event in interactions) == Counter(  # type: ignore[attr-defined]
        [("1", "Email"), ("4", "Call"), ("4", "Bird"), ("3", "Email")]
    )
    discussions = consume(broker_server.address, "product_discussions", 3)
    assert {event.identity for event in discussions} == {"2019-01 Sand", "2019-02 Sand", "2021-10 Orange"}


def test_the_large_workbook_twice(broker_server: BrokerServer) -> None:
    summaries = []
    for _ in range(2):
        done = c360(broker_server.address, SAMPLES / "contact_center.xlsx", "--json")
        assert (done.returncode, done.stderr) == (0, "")
        summaries.append(json.loads(done.stdout))
    first, second = summaries
    assert first["rows"] == sum(first["published"].values()) + first["rejected"]
    assert (first["published"], first["rejections"]) == (second["published"], second["rejections"])
    assert first["complete"]
    for topic, count in {**first["published"], "rejected_events": first["rejected"]}.items():
        events = consume(broker_server.address, topic, 2 * count)
        identities = Counter(event.identity for event in events)
        assert len(events) == 2 * count
        assert topic not in {"interactions", "rejected_events"} or set(identities.values()) == {2}
    assert all(isinstance(event, RejectedRow) for event in events)


@pytest.mark.parametrize("arguments", [["--quiet"], ["--dry-run", "--quiet"]])
def test_quiet(broker_server: BrokerServer, arguments: list[str]) -> None:
    done = c360(broker_server.address, SAMPLES / "crm_export.xlsx", *arguments)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_dry_run_needs_no_broker() -> None:
    done = c360("127.0.0.1:1", SAMPLES / "contact_center.xlsx", "--dry-run")
    assert done.returncode == 0, done.stderr
    assert "would be published" in done.stdout
    assert '"customer_id":' in done.stdout
    assert "is not a date" in done.stdout


def test_no_broker() -> None:
    started = time.monotonic()
    done = c360("127.0.0.1:1", SAMPLES / "crm_export.xlsx")
    assert done.returncode == 3
    assert done.stderr.startswith("c360: Kafka at 127.0.0.1:1 does not answer")
    assert done.stderr.count("\n") == 1
    assert time.monotonic() - started < 10


@pytest.mark.parametrize(
    ("file", "mapping", "message"),
    [
        ("none.xlsx", None, "there is no file"),
        ("crm_export.toml", None, "files of this kind can't be read"),
        ("crm_export.xlsx", "none.toml", "there is no mapping file"),
        ("crm_export.xlsx", "contact_center.toml", "has no sheet 'Interactions': its sheets are 'Customers'"),
    ],
)
def test_files_and_mappings_that_do_not_fit(
    broker_server: BrokerServer, file: str, mapping: str | None, message: str
) -> None:
    options = ["--mapping", str(SAMPLES / mapping)] if mapping else []
    done = c360(broker_server.address, SAMPLES / file, *options)
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stderr.count("\n") == 1


def test_standard_input() -> None:
    with (SAMPLES / "shop_orders.csv").open("rb") as file:
        done = subprocess.run(
            [
                sys.executable,
                "-m",
                "c360",
                "replay",
                "-",
                "--mapping",
                SAMPLES / "shop_orders.toml",
                "--dry-run",
                "--json",
            ],
            env=environment("127.0.0.1:1"),
            stdin=file,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["published"] == {"transactions": 796}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--rat", "5"], "there is no option --rat"),
        (["--rate", "fast"], "--rate 'fast' is not a number above 0, such as 60/s"),
        (["--from", "soon"], "--from 'soon' is not a day or a moment"),
        ([SAMPLES / "shop_products.csv", "--follow"], "--follow is for one file"),
        ([SAMPLES / "none-*.csv"], "there is no file"),
    ],
)
def test_options_that_can_not_be_used(arguments: list[str | Path], message: str) -> None:
    done = c360("127.0.0.1:1", SAMPLES / "shop_orders.csv", *arguments)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert message in done.stderr


def test_pace_and_window() -> None:
    started = time.monotonic()
    options = ["--dry-run", "--json", "--rate", "100/s", "--from", "2024-06-01", "--to", "2024-07-01"]
    done = c360("127.0.0.1:1", SAMPLES / "shop_orders.csv", *options)
    summary = json.loads(done.stdout)
    assert (summary["published"], summary["skipped"], summary["rejected"]) == ({"transactions": 58}, 738, 4)
    assert time.monotonic() - started > 7


def test_ctrl_c_ends_in_good_order(broker_server: BrokerServer, tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("Customer,Channel,At\n" + "1,Email,2020-01-01 10:00\n" * 2_000_000)
    path.with_suffix(".toml").write_text(INTERACTIONS)
    command = [sys.executable, "-m", "c360", "replay", str(path), "--json"]
    process = subprocess.Popen(command, env=environment(broker_server.address), stdout=subprocess.PIPE, text=True)
    wait_for_a_record(broker_server.address, "interactions")
    process.send_signal(signal.SIGINT)
    summary = json.loads(process.communicate(timeout=30)[0])
    assert process.returncode == 130
    assert not summary["complete"]
    assert 0 < summary["rows"] == summary["published"]["interactions"] < 2_000_000
    assert len(consume(broker_server.address, "interactions", summary["rows"])) == summary["rows"]


def test_a_growing_file_is_followed(broker_server: BrokerServer, tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("Customer,Channel,At\n1,Email,2020-01-01 10:00\n2,Ema")
    path.with_suffix(".toml").write_text(INTERACTIONS)
    command = [sys.executable, "-m", "c360", "replay", str(path), "--follow", "--json"]
    process = subprocess.Popen(command, env=environment(broker_server.address), stdout=subprocess.PIPE, text=True)
    wait_for_a_record(broker_server.address, "interactions")
    with path.open("a") as file:
        file.write("il,2020-01-01 11:00\n3,Em")
    assert len(consume(broker_server.address, "interactions", 2)) == 2
    process.send_signal(signal.SIGINT)
    summary = json.loads(process.communicate(timeout=30)[0])
    assert (process.returncode, summary["published"], summary["rejected"]) == (0, {"interactions": 2}, 0)


def test_several_paths_and_a_glob(tmp_path: Path) -> None:
    for name, customer in (("a.csv", 1), ("b1.csv", 2), ("b2.csv", 3)):
        (tmp_path / name).write_text(f"Customer,Channel,At\n{customer},Email,2020-01-01 10:00\n")
    (tmp_path / "rows.toml").write_text(INTERACTIONS)
    options = ["--mapping", tmp_path / "rows.toml", "--speed", "1000000x", "--dry-run", "--json"]
    done = c360("127.0.0.1:1", tmp_path / "a.csv", tmp_path / "b*.csv", *options)
    summary = json.loads(done.stdout)
    assert (summary["files"], summary["rows"]) == (["a.csv", "b1.csv", "b2.csv"], 3)


def test_a_broker_that_goes_away_in_the_middle(broker_server: BrokerServer) -> None:
    create_topics({"bootstrap.servers": broker_server.address}, partitions=PARTITIONS, replication_factor=1)
    publisher = KafkaPublisher({"bootstrap.servers": broker_server.address}, delivery_timeout=timedelta(seconds=2))
    path = SAMPLES / "contact_center.xlsx"

    def stop_broker(progress: Progress) -> None:
        if progress.rows == 20_000:
            broker_server.stop()

    with pytest.raises(Unavailable, match=r"took [\d,]+ events, [\d,]+ could not be delivered"):
        replay(path, load_mapping(path.with_suffix(".toml")), publisher, on_progress=stop_broker)

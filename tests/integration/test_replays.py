"""Manifests: what is kept of a replay, also of one that was killed; verified, and the same load made again."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from msgspec.structs import replace

from c360.__main__ import run
from c360.manifests import Manifests, manifests_of, recorded
from c360.target import resolve_target
from c360.testing.servers import BrokerServer
from local_stack.broker import Broker
from producers.manifest import Load, Manifest
from settings import Settings
from tests.integration.test_replay import PARTITIONS, SAMPLES, wait_for_a_record

MAPPING = """
source = "t"
[[streams]]
stream = "interactions"
fields = { customer_id = "Customer", channel = "Channel", occurred_at = "At" }
"""
ROWS = "Customer,Channel,At\n1,Email,2020-01-01\n2,Call,2020-01-02\n3,Call,never\n"

Said = tuple[int, str, str]


@pytest.fixture
def c360(
    broker_server: BrokerServer, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Callable[..., Said]:
    """Run a command in this process, with a broker; gives exit code, output and complaints."""
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", broker_server.address)
    monkeypatch.setenv("KAFKA_PARTITIONS", str(PARTITIONS))

    def call(*arguments: str | Path) -> Said:
        capfd.readouterr()
        code = run([str(argument) for argument in arguments])
        return code, *capfd.readouterr()

    return call


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    """A small file with its mapping."""
    path = tmp_path / "rows.csv"
    path.write_text(ROWS)
    path.with_suffix(".toml").write_text(MAPPING)
    return path


def kept() -> list[Manifest]:
    """What is kept where the environment says."""
    return manifests_of(resolve_target(Settings(), None), None).all()


def process_all(url: str, manifest: Manifest) -> None:
    """Move the positions as processors would."""
    with psycopg.connect(url) as connection:
        for span in manifest.spans:
            connection.execute(
                "INSERT INTO positions (topic, partition, cluster_id, topic_id, next_offset) VALUES (%s,%s,%s,%s,%s)",
                [span.topic, span.partition, manifest.cluster_id, span.topic_id, span.first_offset + span.records],
            )


def findings(said: Said) -> dict[str, list[str]]:
    return {check["check"]: check["findings"] for check in json.loads(said[1])["checks"] if check["findings"]}


def test_a_replay_is_listed_verified_and_repeated(
    c360: Callable[..., Said], rows: Path, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", database)
    monkeypatch.chdir(rows.parent)
    assert c360("replay", rows.name, "--from", "2019-01-01")[0] == 0
    monkeypatch.chdir("/")
    (first,) = kept()
    assert (first.rows, first.published, first.rejected, first.outcome) == (3, {"interactions": 2}, 1, "complete")
    assert {span.topic: 0 for span in first.spans} == {"interactions": 0, "rejected_events": 0}
    assert sum(span.records for span in first.spans) == 3
    assert first.files[0].size_bytes == len(ROWS)

    said = c360("replays", "verify", first.replay_id, "--json")
    assert said[0] == 1
    assert list(findings(said)) == ["all of it was processed"]
    process_all(database, first)
    assert c360("replays", "verify", first.replay_id)[0] == 0

    assert c360("replays", "repeat", first.replay_id)[0] == 0
    _, second = kept()
    assert second.repeats == first.replay_id
    assert (second.rows, second.arguments, second.files) == (first.rows, first.arguments, first.files)
    assert {(span.partition, span.first_offset) for span in second.spans} == {
        (span.partition, (span.last_offset or 0) + 1) for span in first.spans
    }
    code, listed, _ = c360("replays")
    assert code == 0
    assert first.replay_id in listed
    assert [one["replay_id"] for one in json.loads(c360("replays", "--json")[1])] == [first.replay_id, second.replay_id]


@pytest.mark.parametrize("suffix", [".csv", ".toml"])
def test_another_load_is_not_made_under_the_same_name(c360: Callable[..., Said], rows: Path, suffix: str) -> None:
    assert c360("replay", rows)[0] == 0
    (manifest,) = kept()
    changed = rows.with_suffix(suffix)
    changed.write_text(changed.read_text() + "\n")
    code, _, complaint = c360("replays", "repeat", manifest.replay_id)
    assert (code, "has changed" in complaint) == (1, True)
    assert len(kept()) == 1
    changed.unlink()
    said = c360("replays", "verify", manifest.replay_id, "--json")
    assert "is gone" in findings(said)["files and mapping are as they were"][0]


def test_other_topics_than_those_it_was_loaded_into(
    c360: Callable[..., Said], rows: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert c360("replay", rows)[0] == 0
    (manifest,) = kept()
    other = Broker(tmp_path / "other.log", cluster_id="other")
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", other.start())
    said = c360("replays", "verify", manifest.replay_id, "--json")
    other.stop()
    reasons = findings(said)["its topics are those that are there"]
    assert reasons[0].endswith("this is other")
    assert reasons[1:] == ["topic interactions was deleted since", "topic rejected_events was deleted since"]


def test_a_database_that_is_away_is_no_reason_not_to_replay(
    c360: Callable[..., Said], rows: Path, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/c360")
    assert c360("replay", rows)[0] == 0
    monkeypatch.setenv("DATABASE_URL", database)
    assert [manifest.outcome for manifest in kept()] == ["complete"]


def test_a_replay_that_was_killed_is_listed_as_killed(
    c360: Callable[..., Said], rows: Path, broker_server: BrokerServer
) -> None:
    rows.write_text(ROWS.splitlines()[0] + "\n" + "1,Email,2020-01-01\n" * 2_000_000)
    command = [sys.executable, "-m", "c360", "replay", str(rows), "--quiet"]
    process = subprocess.Popen(command, env=os.environ)
    wait_for_a_record(broker_server.address, "interactions")
    process.send_signal(signal.SIGKILL)
    process.wait()
    (manifest,) = kept()
    assert (manifest.outcome, manifest.ended_at, manifest.files[0].sha256) == ("killed", None, None)
    said = c360("replays", "verify", manifest.replay_id, "--json")
    assert findings(said)["it was made to its end"] == ["it is killed"]
    assert "no hash is known" in findings(said)["files and mapping are as they were"][0]
    assert "killed" in c360("replays")[1]


def test_a_pull_leaves_a_manifest_without_secrets(c360: Callable[..., Said], tmp_path: Path) -> None:
    mapping = tmp_path / "crm.toml"
    mapping.write_text((SAMPLES / "crm_customers.toml").read_text().replace("[http]", "[http]\nattempts = 1"))
    assert c360("pull", mapping, "--url", "http://me:secret@127.0.0.1:1/api?key=secret")[0] == 3
    (manifest,) = kept()
    assert (manifest.command, manifest.outcome) == ("pull", "failed")
    assert manifest.files[0].address == "http://127.0.0.1:1/api"
    assert "secret" not in repr(manifest)
    code, _, complaint = c360("replays", "repeat", manifest.replay_id)
    assert (code, "more in its address than is kept" in complaint) == (2, True)


def test_standard_input_can_not_be_read_again(
    c360: Callable[..., Said], rows: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with rows.open() as file:
        monkeypatch.setattr("sys.stdin", file)
        assert c360("replay", "-", "--mapping", rows.with_suffix(".toml"))[0] == 0
    (manifest,) = kept()
    assert manifest.files[0].sha256
    assert c360("replays", "repeat", manifest.replay_id)[0] == 2


def test_one_that_fell_silent_elsewhere_is_killed(c360: Callable[..., Said], rows: Path, tmp_path: Path) -> None:
    assert c360("replay", rows)[0] == 0
    (manifest,) = kept()
    running = replace(manifest, host="elsewhere", outcome="running", ended_at=None)
    store = Manifests(None, tmp_path / "manifests")
    store.keep(running)
    assert store.all() == [running]
    store.keep(replace(running, heard_at=running.heard_at - timedelta(minutes=5)))
    assert [one.outcome for one in store.all()] == ["killed"]


def test_while_it_runs_it_says_so(c360: Callable[..., Said], rows: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert c360("replay", rows)[0] == 0  # makes the topics
    monkeypatch.setattr("producers.manifest.SAYS_SO_EVERY", timedelta(milliseconds=20))
    load = Load(command="replay", arguments={}, addresses=[], mapping=rows)
    with pytest.raises(KeyboardInterrupt), recorded(resolve_target(Settings(), None), None, load):
        interrupted_once_heard_of_again()
    assert (kept()[-1].outcome, kept()[-1].failure) == ("failed", "KeyboardInterrupt")


def interrupted_once_heard_of_again() -> None:
    begun, deadline = kept()[-1], time.monotonic() + 10
    while kept()[-1].heard_at == begun.heard_at:
        assert time.monotonic() < deadline
    assert kept()[-1].outcome == "running"
    raise KeyboardInterrupt


def test_a_name_that_is_none(c360: Callable[..., Said]) -> None:
    code, _, complaint = c360("replays", "verify", "nope")
    assert (code, "there is no replay 'nope'" in complaint) == (2, True)
    assert "Nothing was replayed" in c360("replays")[1]

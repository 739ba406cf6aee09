"""The command line: help, exit codes, one-line errors, and which stack or servers a command works with."""

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from c360.__main__ import COMMANDS, run
from c360.commands.config import documentation
from c360.target import default_data_dir, resolve_target
from events.errors import RefusedState, UsageError
from local_stack import state
from settings import Settings

_ROOT = Path(__file__).parents[2]
_URL = "postgresql://me:secret@db.example/c360"


def _refused_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def stack(tmp_path: Path) -> state.Addresses:
    """What a running stack in tmp_path/stack writes, with this test as the stack."""
    folder = tmp_path / "stack"
    folder.mkdir()
    addresses = state.Addresses(
        bootstrap_servers="127.0.0.1:1", database_url=_URL, api_url="http://127.0.0.1:2", pid=1, children={}
    )
    state.lock_stack(folder)
    state.write_addresses(folder, addresses)
    return addresses


def test_help_names_every_command_and_imports_none_of_them() -> None:
    heavy = {"faust", "fastapi", "psycopg", "confluent_kafka", "pydantic", "structlog"}
    code = f"import sys; from c360.__main__ import run; run(['--help']); sys.exit(str({heavy} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.strip() == "set()"
    assert all(name in done.stdout for name, _, _ in COMMANDS)


@pytest.mark.parametrize("command", [name for name, _, _ in COMMANDS])
def test_every_command_has_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([command, "--help"]) == 0
    assert f"Usage: c360 {command}" in capsys.readouterr().out


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out.strip().count(".") == 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nope"], "there is no command 'nope'"),
        (["status", "--nope"], "--nope"),
        (["rejects", "--limit", "0"], "limit"),
        (["status"], "no stack is running in"),
        (["status", "--data-dir", "/nowhere"], "no stack is running in /nowhere"),
    ],
)
def test_usage_errors_are_one_line_and_exit_with_2(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("c360: ")
    assert said in lines[0]


def test_a_bad_setting_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("KAFKA_PARTITIONS", "many")
    assert run(["config", "show"]) == 2
    assert "KAFKA_PARTITIONS" in capsys.readouterr().err


@pytest.mark.parametrize("command", [["migrate"], ["verify"], ["rejects"], ["adopt"]])
def test_a_database_that_is_away_exits_with_3(
    command: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    port = _refused_port()
    monkeypatch.setenv("DATABASE_URL", f"postgresql://me:secret@127.0.0.1:{port}/c360")
    assert run(command) == 3
    error = capsys.readouterr().err
    assert f"Postgres at 127.0.0.1:{port}/c360 does not answer" in error
    assert "secret" not in error


def test_a_broker_that_is_away_exits_with_3(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    port = _refused_port()
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", f"127.0.0.1:{port}")
    monkeypatch.setenv("DATABASE_URL", _URL)
    assert run(["status"]) == 3
    lines = capfd.readouterr().err.splitlines()
    assert len(lines) == 1
    assert f"Kafka at 127.0.0.1:{port} does not answer" in lines[0]


def test_interrupt_exits_with_130_and_no_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("c360.commands.verify.resolve_target", interrupted)
    assert run(["verify"]) == 130
    assert not capsys.readouterr().err


def test_config_show_masks_secrets(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("DATABASE_URL", _URL)
    monkeypatch.setenv("KAFKA_SASL_PASSWORD", "secret")
    assert run(["config", "show", "--json"]) == 0
    out = capsys.readouterr().out
    assert "secret" not in out
    assert json.loads(out)["DATABASE_URL"] == "**********"


def test_the_documented_settings_are_the_real_ones() -> None:
    assert (_ROOT / "docs" / "settings.md").read_text() == documentation(), "run `make docs`"


def test_the_environment_names_broker_and_database(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "kafka.example:9092")
    monkeypatch.setenv("DATABASE_URL", _URL)
    target = resolve_target(Settings(), None)
    assert (target.bootstrap_servers, target.database_url, target.api_url) == ("kafka.example:9092", _URL, None)


def test_a_named_stack_comes_before_the_environment(
    stack: state.Addresses, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "kafka.example:9092")
    monkeypatch.setenv("KAFKA_SECURITY_PROTOCOL", "SASL_SSL")
    target = resolve_target(Settings(), tmp_path / "stack")
    assert (target.bootstrap_servers, target.database_url) == (stack.bootstrap_servers, stack.database_url)
    assert target.librdkafka()["security.protocol"] == "PLAINTEXT"


def test_environment_and_stack_are_not_mixed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", _URL)
    target = resolve_target(Settings(), None)
    assert target.database_url == _URL
    with pytest.raises(UsageError, match="KAFKA_BOOTSTRAP_SERVERS"):
        _ = target.bootstrap_servers


def test_addresses_of_a_stack_that_is_gone_are_not_used(tmp_path: Path) -> None:
    addresses = state.Addresses(bootstrap_servers="a", database_url="b", api_url="c", pid=1, children={})
    (tmp_path / "stack.lock").touch()
    state.write_addresses(tmp_path, addresses)
    assert state.running_stack(tmp_path) is None


def test_the_default_data_directory_is_the_users(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_DATA_HOME")
    assert default_data_dir() == Path.home() / ".local" / "share" / "c360"


def test_a_data_directory_keeps_its_partition_count(tmp_path: Path) -> None:
    cluster = state.cluster_of(tmp_path, partitions=4)
    assert state.cluster_of(tmp_path, partitions=4) == cluster
    with pytest.raises(RefusedState, match="KAFKA_PARTITIONS=4"):
        state.cluster_of(tmp_path, partitions=8)

"""Brokers that demand a password, a certificate, or both: every part of c360 gets in, and nobody without them does."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import httpx2
import psycopg
import pytest

from api.access.tokens import Scope, create_token
from c360.testing.programs import Api, Processor
from c360.testing.servers import PARTITIONS
from local_stack.kafka import Kafka, Listener

pytestmark = pytest.mark.kafka

_SAMPLE = Path(__file__).parents[2] / "sample_data" / "crm_export.xlsx"
_USER, _PASSWORD = "c360", 'a "secret" \\word'
Command = Callable[..., subprocess.CompletedProcess[str]]

_JAAS = "org.apache.kafka.common.security"


@dataclass(frozen=True)
class Certificates:
    """PEM files of an authority, and of what it signed for 127.0.0.1: certificate, key, both in one."""

    authority: Path
    certificate: Path
    key: Path
    both: Path


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    folder = tmp_path_factory.mktemp("certificates")
    made = Certificates(*(folder / name for name in ("authority.pem", "certificate.pem", "key.pem", "both.pem")))
    authority_key = folder / "authority.key"
    new_key = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1"]
    signed = ["-CA", made.authority, "-CAkey", authority_key, "-addext", "subjectAltName=IP:127.0.0.1"]
    signed += ["-addext", "basicConstraints=critical,CA:FALSE"]
    for command in (
        [*new_key, "-subj", "/CN=authority", "-keyout", authority_key, "-out", made.authority],
        [*new_key, "-subj", "/CN=c360", *signed, "-keyout", made.key, "-out", made.certificate],
    ):
        subprocess.run(command, check=True, capture_output=True)
    made.both.write_text(made.key.read_text() + made.certificate.read_text())
    return made


def _tls_listener(certificates: Certificates) -> dict[str, str]:
    return {
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(certificates.both),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(certificates.authority),
    }


def _password_listener() -> dict[str, str]:
    quoted = _PASSWORD.replace("\\", "\\\\").replace('"', '\\"')  # for JAAS
    quoted = quoted.replace("\\", "\\\\")  # for a file of properties
    return {
        "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512",
        "plain.sasl.jaas.config": f'{_JAAS}.plain.PlainLoginModule required user_{_USER}="{quoted}";',
        "scram-sha-256.sasl.jaas.config": f"{_JAAS}.scram.ScramLoginModule required;",
        "scram-sha-512.sasl.jaas.config": f"{_JAAS}.scram.ScramLoginModule required;",
    }


@dataclass(frozen=True)
class Guarded:
    """A broker that lets in who shows what `settings` say."""

    kafka: Kafka
    protocol: str
    settings: dict[str, str]


@pytest.fixture(scope="module")
def guarded(
    request: pytest.FixtureRequest, certificates: Certificates, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Guarded]:
    protocol = str(request.param)
    properties: dict[str, str] = {}
    settings = {"KAFKA_SECURITY_PROTOCOL": protocol}
    client = {"security.protocol": protocol}
    if "SASL" in protocol:
        properties |= _password_listener()
        settings |= {"KAFKA_SASL_USERNAME": _USER, "KAFKA_SASL_PASSWORD": _PASSWORD}
        client |= {"sasl.mechanism": "PLAIN", "sasl.username": _USER, "sasl.password": _PASSWORD}
    if "SSL" in protocol:
        properties |= _tls_listener(certificates)
        settings |= {"KAFKA_SSL_CAFILE": str(certificates.authority)}
        client |= {"ssl.ca.location": str(certificates.authority)}
    if protocol == "SSL":  # nothing but the certificate tells who it is
        properties |= {"ssl.client.auth": "required"}
        settings |= {"KAFKA_SSL_CERTFILE": str(certificates.certificate), "KAFKA_SSL_KEYFILE": str(certificates.key)}
        client |= {
            "ssl.certificate.location": settings["KAFKA_SSL_CERTFILE"],
            "ssl.key.location": str(certificates.key),
        }
    listener = Listener(protocol=protocol, properties=properties, scram_users={_USER: _PASSWORD}, client=client)
    folder = tmp_path_factory.mktemp("kafka")
    kafka = Kafka(folder, folder / "kafka.log", cluster_id=str(uuid4()), listener=listener)
    kafka.start()
    yield Guarded(kafka, protocol, settings)
    kafka.close()


@pytest.fixture
def mechanism(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Of SASL, in the environment; none where nobody is asked for a password."""
    if request.param:
        monkeypatch.setenv("KAFKA_SASL_MECHANISM", request.param)
    return str(request.param)


@pytest.fixture
def c360(monkeypatch: pytest.MonkeyPatch, guarded: Guarded, database: str) -> Command:
    """Runs a c360 command on the broker and a database, with the settings that let it in."""
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", guarded.kafka.address)
    monkeypatch.setenv("KAFKA_PARTITIONS", str(PARTITIONS))
    monkeypatch.setenv("DATABASE_URL", database)
    for name, value in guarded.settings.items():
        monkeypatch.setenv(name, value)

    def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "c360", *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    return run


@pytest.mark.parametrize(
    ("guarded", "mechanism"),
    [
        ("SASL_PLAINTEXT", "PLAIN"),
        ("SASL_PLAINTEXT", "SCRAM-SHA-512"),
        ("SASL_SSL", "PLAIN"),
        ("SASL_SSL", "SCRAM-SHA-256"),
        ("SSL", ""),
    ],
    indirect=True,
)
def test_every_part_gets_in(c360: Command, guarded: Guarded, mechanism: str, database: str, tmp_path: Path) -> None:
    assert os.environ.get("KAFKA_SASL_MECHANISM", "") == mechanism
    replayed = c360("replay", _SAMPLE)
    assert replayed.returncode == 0, replayed.stderr
    with psycopg.connect(database) as connection:
        token = create_token(connection, "test", list(Scope))
    processor = Processor(guarded.kafka.address, database, tmp_path / "processor.log")
    api = Api(guarded.kafka.address, database, tmp_path / "api.log")
    try:
        api.wait_until_it_answers()
        event = {"event_id": "one more", "customer_id": "1", "channel": "Bird", "occurred_at": "2020-02-11T16:10:00Z"}
        with httpx2.Client(base_url=f"{api.url}/api/v1", headers={"Authorization": f"Bearer {token}"}) as client:
            sent = client.post("/events/interactions", json=event, timeout=40)
            assert sent.status_code == 202, sent.text
        waited = c360("status", "--wait", "--timeout", "50")
        assert waited.returncode == 0, waited.stderr + processor.said
        with psycopg.connect(database) as connection:
            found = connection.execute(
                "SELECT channel FROM channel_totals WHERE customer_id = '1' ORDER BY 1"
            ).fetchall()
        assert found == [("Bird",), ("Email",)]
        assert processor.terminate() == 0
        assert "error" not in processor.said
    finally:
        api.close()
        processor.close()


@pytest.mark.parametrize("part", ["processor", "status"])
@pytest.mark.parametrize("guarded", ["SASL_PLAINTEXT", "SASL_SSL", "SSL"], indirect=True)
def test_nobody_else_does_and_is_told_why(
    c360: Command, guarded: Guarded, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    if guarded.protocol == "SSL":
        monkeypatch.delenv("KAFKA_SSL_CAFILE")
        reason = "certificate verify failed"
    else:
        monkeypatch.setenv("KAFKA_SASL_MECHANISM", "PLAIN")
        monkeypatch.setenv("KAFKA_SASL_PASSWORD", "wrong")
        reason = "SASL authentication error"
    refused = c360(part)
    assert refused.returncode == 3
    assert reason in refused.stderr
    assert refused.stderr.count("\n") == 1

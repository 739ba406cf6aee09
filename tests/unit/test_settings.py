"""Secrets from files, and what is asked of the connection's security."""

from pathlib import Path

import pytest

from events.errors import UsageError
from settings import Settings


def test_a_password_from_a_file_becomes_part_of_the_url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "password"
    file.write_text("p@ss:w/rd\n")
    monkeypatch.setenv("DATABASE_URL", "postgresql://c360@db.example:5433/c360?sslmode=require")
    monkeypatch.setenv("DATABASE_PASSWORD_FILE", str(file))
    assert Settings().database.address == "postgresql://c360:p%40ss%3Aw%2Frd@db.example:5433/c360?sslmode=require"


def test_every_secret_may_be_in_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("DATABASE_URL", "KAFKA_SASL_PASSWORD"):
        (tmp_path / variable).write_text(f"{variable.lower()}\n")
        monkeypatch.setenv(f"{variable}_FILE", str(tmp_path / variable))
    settings = Settings()
    assert settings.database.address == "database_url"
    assert settings.kafka.sasl_password is not None
    assert settings.kafka.sasl_password.get_secret_value() == "kafka_sasl_password"


@pytest.mark.parametrize(
    ("environment", "reason"),
    [
        ({"DATABASE_URL": "x", "DATABASE_URL_FILE": "y"}, "DATABASE_URL and DATABASE_URL_FILE exclude each other"),
        ({"DATABASE_URL_FILE": "/does/not/exist"}, "DATABASE_URL_FILE: .*No such file"),
    ],
)
def test_files_that_do_not_fit(environment: dict[str, str], reason: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(UsageError, match=reason):
        Settings()


@pytest.mark.parametrize("url", ["postgresql://db/c360", "postgresql://c360:other@db/c360"])
def test_a_password_needs_exactly_one_place(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", url)
    monkeypatch.setenv("DATABASE_PASSWORD", "secret")
    with pytest.raises(UsageError, match="must name a user and no password"):
        _ = Settings().database.address


def test_sasl_without_a_password_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "broker:9092")
    monkeypatch.setenv("KAFKA_SECURITY_PROTOCOL", "SASL_SSL")
    with pytest.raises(UsageError, match="KAFKA_SECURITY_PROTOCOL=SASL_SSL needs KAFKA_SASL_MECHANISM"):
        Settings().kafka.librdkafka()

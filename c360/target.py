"""Which broker, database and API a command works with: those of the environment, or of a stack that runs here."""

import os
from dataclasses import dataclass
from pathlib import Path

from events.errors import UsageError
from local_stack.state import running_stack
from settings import KafkaSettings, Settings


@dataclass(frozen=True, slots=True)
class Target:
    """Addresses that a command works with; asking for one that nobody named raises UsageError."""

    kafka: KafkaSettings
    _database_url: str | None
    api_url: str | None = None

    @property
    def bootstrap_servers(self) -> str:
        """host:port list of the broker."""
        return self.librdkafka()["bootstrap.servers"]

    @property
    def database_url(self) -> str:
        """postgresql://user:password@host:port/database"""
        if self._database_url is None:
            raise UsageError("no database is named: set DATABASE_URL=postgresql://user:password@host:port/database")
        return self._database_url

    @property
    def named_database_url(self) -> str | None:
        """The same, or None when nobody named one: for whoever can do without."""
        return self._database_url

    def librdkafka(self) -> dict[str, str]:
        """The connection as confluent-kafka's clients and `events.admin` want it."""
        return self.kafka.librdkafka()


def default_data_dir() -> Path:
    """Where a stack keeps its data when no directory is named: one per user."""
    base = os.environ.get("XDG_DATA_HOME") or "~/.local/share"
    return Path(base).expanduser() / "c360"


def resolve_target(settings: Settings, data_dir: Path | None) -> Target:
    """Find what to work with: the named directory's stack, else the environment, else the default directory's stack.

    The two are never mixed: as soon as the environment names a broker or a database, the stack is left alone.

    Raises: UsageError when nothing is named and no stack runs.
    """
    database_url = settings.database.address
    if data_dir is None and (settings.kafka.bootstrap_servers or database_url):
        return Target(settings.kafka, database_url)
    folder = data_dir or default_data_dir()
    stack = running_stack(folder)
    if stack is None:
        raise UsageError(
            f"no stack is running in {folder}: start one with `c360 up`, "
            "or set KAFKA_BOOTSTRAP_SERVERS and DATABASE_URL"
        )
    return Target(_embedded(settings.kafka, stack.bootstrap_servers), stack.database_url, stack.api_url)


def _embedded(kafka: KafkaSettings, bootstrap_servers: str) -> KafkaSettings:
    """The embedded broker speaks plain text, whatever the environment says of another one."""
    plain = {"bootstrap_servers": bootstrap_servers, "security_protocol": "PLAINTEXT"}
    unset = [name for name in KafkaSettings.model_fields if name.startswith(("sasl_", "ssl_"))]
    return kafka.model_copy(update={**plain, **dict.fromkeys(unset)})

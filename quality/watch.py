"""Asking the checks continuously: one process does it, however many there are; the others read what it found."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Final

import psycopg
import structlog
from psycopg import AsyncConnection

from quality.checks import Check
from quality.runs import Connection, Result, Run, forget, keep, latest, run_check
from settings import QualitySettings

#: Advisory lock of the session that asks.
WATCH_LOCK: Final = 0xC360_0007
#: After a round there is a pause of at least so many times its length: checks never take more than a tenth of the time
#: of one connection, however large the tables grow.
_REST: Final = 9
_RETRY_SECONDS: Final = 5.0
#: Beyond its statement timeout, a server that is silent for so long is taken for lost.
_PATIENCE_SECONDS: Final = 10.0

logger = structlog.stdlib.get_logger(__name__)


class Watch:
    """The latest run of each check, kept current while it is `watching`."""

    def __init__(self, database_url: str, checks: Mapping[str, Check], settings: QualitySettings) -> None:
        self._url = database_url
        self._settings = settings
        self.checks: Final = checks
        #: By the name of the check; empty until it was read for the first time.
        self.latest: dict[str, Run] = {}

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        """Ask again and again, whatever becomes of Postgres meanwhile; not at all when the settings say so."""
        if not self._settings.check_every_seconds:
            yield
            return
        task = asyncio.create_task(self._watch())
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def _watch(self) -> None:
        while True:
            try:
                await self._connect_and_watch()
            except (psycopg.Error, TimeoutError) as error:
                logger.debug("checks can't be asked", reason=type(error).__name__)
            await asyncio.sleep(_RETRY_SECONDS)

    async def _connect_and_watch(self) -> None:
        connection = await AsyncConnection.connect(
            self._url, autocommit=True, application_name="c360-checks", connect_timeout=5
        )
        async with connection:
            while True:
                began = time.monotonic()
                self.latest = await latest(connection, self.checks)
                if await _is_ours(connection):
                    await self._ask(connection, self._due())
                rest = _REST * (time.monotonic() - began)
                await asyncio.sleep(max(self._settings.check_every_seconds, rest))

    def _due(self) -> Iterable[Check]:
        """Those that nobody has asked for long enough."""
        before = datetime.now(UTC) - timedelta(seconds=self._settings.check_every_seconds)
        runs = self.latest
        return [check for name, check in self.checks.items() if name not in runs or runs[name].started_at <= before]

    async def _ask(self, connection: Connection, due: Iterable[Check]) -> None:
        seconds = self._settings.check_timeout_seconds
        for check in due:
            async with asyncio.timeout(seconds + _PATIENCE_SECONDS):
                run = await run_check(connection, check, timeout_seconds=seconds)
                await keep(connection, run, check)
            self._tell(run)
            self.latest[run.check] = run
        await forget(connection, days=self._settings.check_history_days)

    def _tell(self, run: Run) -> None:
        """Log what has changed."""
        before = self.latest.get(run.check)
        if run.result is not (before.result if before else Result.PASSED):
            log = logger.warning if run.alarming else logger.info
            log("check " + run.result, check=run.check, level=run.level, offenders=run.offenders, reason=run.reason)


async def _is_ours(connection: Connection) -> bool:
    """Whether this session is the one that asks; it stays so until it ends."""
    cursor = await connection.execute("SELECT pg_try_advisory_lock(%s)", [WATCH_LOCK])
    row = await cursor.fetchone()
    return bool(row and row[0])

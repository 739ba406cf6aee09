"""Refresh what is due, until told to stop, whatever becomes of Postgres meanwhile.

Any number of these may run: one has the lead, and the others wait to take over.
"""

from datetime import UTC, datetime
from threading import Event
from typing import Final

import psycopg
import structlog

from refresher.schedule import Schedule
from settings import RefresherSettings
from sql.refresh import Refresher, Run

#: How often to look whether anything is due.
_LOOK_SECONDS: Final = 1.0
_RETRY_SECONDS: Final = 2.0

_log = structlog.stdlib.get_logger(__name__)


def run(database_url: str, settings: RefresherSettings, *, stopping: Event) -> None:
    """Return once `stopping` is set; a refresh that runs ends first."""
    schedule = Schedule(seconds=settings.refresh_seconds, report=settings.report_schedule, since=datetime.now(UTC))
    _log.info("refreshing", seconds=settings.refresh_seconds, report_schedule=settings.report_schedule)
    while not stopping.is_set():
        try:
            _refresh_while_connected(database_url, schedule, stopping)
        except psycopg.Error as error:
            reason = str(error).split("\n", maxsplit=1)[0]
            _log.warning("can't refresh, will try again", reason=reason, pause_seconds=_RETRY_SECONDS)
            stopping.wait(_RETRY_SECONDS)


def _refresh_while_connected(database_url: str, schedule: Schedule, stopping: Event) -> None:
    with psycopg.connect(
        database_url, autocommit=True, application_name="c360-refresher", connect_timeout=5
    ) as connection:
        refresher = Refresher(connection)
        while not stopping.is_set() and not refresher.lead():
            stopping.wait(_LOOK_SECONDS)
        while not stopping.is_set():
            done = refresher.refresh_chosen(schedule.choose)
            if done:
                _tell(done)
            else:
                stopping.wait(_LOOK_SECONDS)


def _tell(done: Run) -> None:
    fields = {"view": done.view, "seconds": round(done.seconds, 3), "rows": done.rows}
    if done.reason:
        _log.error("refresh failed", reason=done.reason, **fields)
    else:
        _log.debug("refreshed", **fields)

"""`c360 refresher`: keep the materialized views fresh."""

import signal
from threading import Event

from c360.database import errors
from c360.logs import set_up_logging
from c360.target import resolve_target
from refresher.loop import run
from settings import Settings


def refresher() -> None:
    """Refresh what is derived from the totals, after changes and by schedule, until stopped.

    Run one beside the processors, or several: one at a time refreshes. Addressed by the environment (DATABASE_URL;
    all settings: `c360 config show`).
    """
    settings = Settings()
    set_up_logging(settings.log)
    url = resolve_target(settings, None).database_url
    stopping = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    with errors(url):
        run(url, settings.refresher, stopping=stopping)

"""`c360 processor`: keep the totals."""

from c360.logs import set_up_logging
from settings import Settings
from stream_processors.app import run


def processor() -> None:
    """Read the topics and keep the totals in Postgres, until stopped.

    Run as many as there are partitions at most; they share the work. Addressed by the environment
    (KAFKA_BOOTSTRAP_SERVERS, DATABASE_URL; all settings: `c360 config show`).
    """
    settings = Settings()
    set_up_logging(settings.log)
    run(settings)

"""Logs: structlog to standard error, text for people or JSON for machines; the standard library's go the same way."""

import logging
import os
import sys

import structlog

from settings import LogSettings


def set_up_logging(settings: LogSettings) -> None:
    """Send all logs of this process to standard error; call once, first thing in a command that runs for long."""
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[*_SHARED, structlog.stdlib.ExtraAdder(), _drop_colored_copy],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_rendering(settings)],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    logging.basicConfig(handlers=[handler], level=settings.level.upper(), force=True)
    logging.captureWarnings(True)
    logging.getLogger("yoyo").setLevel(logging.WARNING)  # it tells of every statement
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_SHARED,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


_SHARED: list[structlog.typing.Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.StackInfoRenderer(),
]


def _drop_colored_copy(_: object, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Uvicorn sends its lines twice: the second time with escape codes."""
    event.pop("color_message", None)
    return event


def _rendering(settings: LogSettings) -> list[structlog.typing.Processor]:
    if settings.format == "json":
        return [structlog.processors.dict_tracebacks, structlog.processors.JSONRenderer(default=str)]
    colors = sys.stderr.isatty() and not os.environ.get("NO_COLOR")
    return [structlog.dev.ConsoleRenderer(colors=colors, exception_formatter=structlog.dev.plain_traceback)]

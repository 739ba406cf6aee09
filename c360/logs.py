"""Logs to standard error, text for people or JSON for machines: structlog's, and likewise the standard library's.

structlog's lines are written directly, not through the standard library, which takes four times as long: the API
writes one for each request.
"""

import logging
import os
import sys

import msgspec
import structlog

from settings import LogSettings


def set_up_logging(settings: LogSettings) -> None:
    """Send all logs of this process to standard error; call once, first thing in a command that runs for long."""
    rendering = _rendering(settings)
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[*_SHARED, structlog.stdlib.ExtraAdder(), _drop_colored_copy],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *rendering],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    logging.basicConfig(handlers=[handler], level=settings.level.upper(), force=True)
    logging.captureWarnings(True)
    logging.getLogger("yoyo").setLevel(logging.WARNING)  # it tells of every statement
    structlog.configure(
        processors=[*_SHARED, *rendering],
        logger_factory=_Lines,
        wrapper_class=structlog.make_filtering_bound_logger(settings.level),
        cache_logger_on_first_use=True,
    )


class _Lines(structlog.WriteLogger):
    """Writes finished lines to standard error."""

    def __init__(self, name: str = "") -> None:
        super().__init__(sys.stderr)
        #: Of the module that logs; structlog looks for it here.
        self.name = name


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
        return [structlog.processors.dict_tracebacks, structlog.processors.JSONRenderer(_json)]
    colors = sys.stderr.isatty() and not os.environ.get("NO_COLOR")
    return [structlog.dev.ConsoleRenderer(colors=colors, exception_formatter=structlog.dev.plain_traceback)]


def _json(line: structlog.typing.EventDict, **_: object) -> str:
    return msgspec.json.encode(line, enc_hook=str).decode()

"""Pull an HTTP API into the topics, page after page; what it gave is published, whatever happens then.

A mapping with a table `[http]` says where it is (`pages.Http`) and what its records mean. Pulling again counts nothing
twice: records have the identity that their mapping gives them.
"""

import os
import re
import time
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from events.errors import C360Error, Unavailable, UsageError
from producers.intake import Counts, Intake, Rejections, Stopped
from producers.mapping import Mapping as SourceMapping
from producers.pages import Http, Page, read_pages
from producers.publish import Publisher
from producers.sources.table import ObjectBatch

#: Names of sources are file names, and come from the outside.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a pull has come."""

    pages: int = 0
    #: Pages in all, where the API tells.
    total_pages: int | None = None
    #: Records of the API; each feeds one stream or several, and counts as a row for each.
    records: int = 0
    rows: int = 0
    #: Stream to events.
    published: dict[str, int] = field(default_factory=dict)
    rejected: int = 0


@dataclass(frozen=True, slots=True)
class PullSummary:
    """What a pull did; `rows` = the sum of `published` + `rejected` + `skipped`."""

    pages: int
    records: int
    rows: int
    #: Stream to events.
    published: dict[str, int]
    rejected: int
    skipped: int
    rejections: dict[tuple[str, str | None], Rejections]
    seconds: float
    #: False when it did not come to the last page.
    complete: bool
    #: What ended it before, when nobody wished to stop.
    failure: C360Error | None = None


class UnnamedSource(UsageError):
    """No source has the name, or none was named where there is not exactly one."""


def named_source(folder: Path, name: str) -> Path:
    """The mapping of the source called `name`: NAME.toml in a folder.

    Raises: UnnamedSource when there is none.
    """
    path = folder / f"{name}.toml"
    if not _NAME.fullmatch(name) or not path.is_file():
        raise UnnamedSource(f"there is no source {name!r}")
    return path


def only_source(folder: Path) -> str:
    """The name of the one mapping with a table `[http]` in a folder.

    Raises: UnnamedSource when there are several, or none.
    """
    names = sorted(path.stem for path in folder.glob("*.toml") if _NAME.fullmatch(path.stem) and _has_http(path))
    if len(names) != 1:
        raise UnnamedSource(f"name one of the sources: {', '.join(names)}" if names else "there is no source")
    return names[0]


def _has_http(path: Path) -> bool:
    try:
        return "http" in tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False


def pull(
    mapping: SourceMapping,
    publisher: Publisher,
    *,
    on_progress: Callable[[Progress], None] | None = None,
    stop: Callable[[], bool] = lambda: False,
    environment: Mapping[str, str] = os.environ,
) -> PullSummary:
    """Publish every record of an API.

    An API that fails on the way is no exception but `failure` in the summary, with what it gave until then delivered.

    Args:
        on_progress: Told after each page.
        stop: Asked before each page; True ends the pull, with all of it delivered.
        environment: Where the tokens are that the mapping names.
    Raises: UsageError when the mapping names no API; Unavailable when events could not be delivered to Kafka.
    """
    if mapping.http is None:
        raise UsageError(f"the mapping of {mapping.source!r} names no API: give it a table [http] with its url")
    counts, pages, records, failure, stopped = Counts(), 0, 0, None, False
    address = shown_address(mapping.http)
    intake = Intake(mapping, publisher, counts, name=address, origin=address, stop=stop)
    started = time.monotonic()
    try:
        for page in _pages(mapping.http, environment):
            intake.take(_batch(page), mapping.streams, f"page {page.number}, record {{}}".format)
            pages, records = page.number, records + len(page.records)
            if on_progress:
                on_progress(_progress(page, records, counts))
    except _SourceFailed as error:
        failure = _told(error.reason, pages)
    except Stopped as reason:
        stopped = True
        failure = UsageError(str(reason)) if str(reason) else None
    publisher.finish()
    return PullSummary(
        pages=pages,
        records=records,
        rows=counts.rows,
        published=counts.published,
        rejected=counts.rejected,
        skipped=counts.skipped,
        rejections=counts.rejections,
        seconds=time.monotonic() - started,
        complete=failure is None and not stopped,
        failure=failure,
    )


def _progress(page: Page, records: int, counts: Counts) -> Progress:
    return Progress(page.number, page.total, records, counts.rows, dict(counts.published), counts.rejected)


class _SourceFailed(Exception):
    """The API failed, as opposed to Kafka."""

    def __init__(self, reason: C360Error) -> None:
        super().__init__(str(reason))
        self.reason = reason


def _pages(http: Http, environment: Mapping[str, str]) -> Iterator[Page]:
    try:
        yield from read_pages(http, environment)
    except (UsageError, Unavailable) as error:
        raise _SourceFailed(error) from error


def _told(error: C360Error, pages: int) -> C360Error:
    came = f"{pages} page{'' if pages == 1 else 's'} came before and are published" if pages else "nothing came before"
    return type(error)(f"{error} ({came}; pulling again counts nothing twice)")


def _batch(page: Page) -> ObjectBatch:
    batch = ObjectBatch()
    for number, record in enumerate(page.records, start=1):
        batch.add(number, record, str(record)[:1000])
    return batch


def shown_address(http: Http) -> str:
    """The URL without what may be secret in it."""
    parts = urlsplit(http.url)
    return f"{parts.scheme}://{parts.hostname}{f':{parts.port}' if parts.port else ''}{parts.path}"

"""`c360 docs`: the catalogue, as pages."""

import asyncio
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import psycopg

from api.app import PREFIX, create_app
from api.lineage.served import endpoints_of
from c360.database import connect, errors
from c360.output import OUT
from c360.target import resolve_target
from events.errors import UsageError
from lineage.asyncapi import asyncapi_document
from lineage.reading import read_graph
from lineage.site import write_site
from quality.library import load_checks
from quality.runs import Run, latest
from settings import Settings


def docs(*, out: Path, data_dir: Path | None = None) -> None:
    """Write the catalogue as a static site: every topic, table, view and endpoint, its columns, checks and freshness,
    and who reads whom; besides lineage.json, and the topics as asyncapi.json. Open its index.html from the disk.

    Parameters
    ----------
    out: Path
        The folder to write to; files of the same names are replaced.
    data_dir: Path
        Work with the stack that runs in this data directory, not with what the environment names.
    """
    settings = Settings()
    url = resolve_target(settings, data_dir).database_url
    checks = load_checks(settings.quality.checks)
    endpoints = endpoints_of(create_app(settings.api, database_url=url), prefix=PREFIX)
    with connect(url) as connection:
        graph = read_graph(connection, endpoints, checks.values())
    with errors(url):
        runs = asyncio.run(_latest_runs(url, checks))
    asyncapi = asyncapi_document(
        partitions=settings.kafka.partitions, replication_factor=settings.kafka.replication_factor
    )
    try:
        written = write_site(out, graph, checks=checks, runs=runs, asyncapi=asyncapi, now=datetime.now(UTC))
    except OSError as error:
        raise UsageError(f"--out: {out} can't be written: {error.strerror}") from error
    OUT.print(f"{len(written)} files; open {out / 'index.html'}", markup=False)


async def _latest_runs(url: str, names: Iterable[str]) -> dict[str, Run]:
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        return await latest(connection, names)

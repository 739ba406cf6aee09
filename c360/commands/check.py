"""`c360 check`: ask the data-quality checks."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import psycopg
from rich.markup import escape

from c360.database import errors
from c360.output import OUT, print_json, table
from c360.target import resolve_target
from events.errors import UsageError
from quality.checks import Check
from quality.library import choose, load_checks
from quality.report import render_report
from quality.runs import Result, Run, history_of, keep, run_checks
from settings import Settings

_COLOURS = {Result.PASSED: "green", Result.FAILED: "red", Result.UNANSWERED: "yellow"}


def check(*names: str, json: bool = False, report: Path | None = None, data_dir: Path | None = None) -> int:
    """Ask the data-quality checks; exits with 1 when one of level error does not pass.

    What was found goes to the history, too. Own checks: docs/quality.md.

    Parameters
    ----------
    names: str
        Names of checks; none: all of them.
    json: bool
        Print the result as JSON.
    report: Path
        Write a page for people to this HTML file, without personal data.
    data_dir: Path
        Work with the stack that runs in this data directory, not with what the environment names.
    """
    settings = Settings()
    checks = choose(load_checks(settings.quality.checks), names)
    url = resolve_target(settings, data_dir).database_url
    with errors(url):
        runs, history = asyncio.run(_ask(url, checks, settings.quality.check_timeout_seconds))
    if report:
        _write(report, render_report(checks, runs, history))
    if json:
        print_json(runs)
    else:
        _print(checks, runs)
    return 1 if any(run.alarming for run in runs) else 0


async def _ask(url: str, checks: Sequence[Check], timeout_seconds: float) -> tuple[list[Run], dict[str, list[Run]]]:
    """The runs of now, and those of before by the name of their check."""
    connection = await psycopg.AsyncConnection.connect(
        url, autocommit=True, application_name="c360-check", connect_timeout=5
    )
    async with connection:
        history = {check.name: await history_of(connection, check.name) for check in checks}
        by_name = {check.name: check for check in checks}
        runs = []
        async for run in run_checks(connection, checks, timeout_seconds=timeout_seconds):
            await keep(connection, run, by_name[run.check])
            runs.append(run)
    return runs, history


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"--report: {path} can't be written: {error.strerror}") from error


def _print(checks: Sequence[Check], runs: Sequence[Run]) -> None:
    shown = table("check", "level", "result", "offenders", "took", numbers=("offenders", "took"))
    for run in runs:
        offenders = "?" if run.offenders is None else f"{run.offenders:,}"
        result = f"[{_COLOURS[run.result]}]{run.result}[/]"
        shown.add_row(run.check, run.level, result, offenders, f"{run.seconds * 1000:,.0f} ms")
    OUT.print(shown)
    for check, run in zip(checks, runs, strict=True):
        if run.result is not Result.PASSED:
            _print_failure(check, run)
    not_passed = sum(run.result is not Result.PASSED for run in runs)
    alarming = sum(run.alarming for run in runs)
    failed = f"; {alarming} of level error did not" if alarming else ""
    OUT.print(f"\n{len(runs) - not_passed} of {len(runs)} checks passed{failed}")


def _print_failure(check: Check, run: Run) -> None:
    OUT.print(f"\n[bold]{check.name}[/] ({run.level}): {escape(check.meaning)}")
    OUT.print(f"To do: {escape(check.remedy)}")
    if run.reason:
        OUT.print(f"Unanswered: {run.reason}", markup=False)
    for example in run.examples:
        OUT.print("  " + ", ".join(f"{name}={value}" for name, value in example.items()), markup=False)
    if run.offenders and run.offenders > len(run.examples):
        OUT.print(f"  and {run.offenders - len(run.examples):,} more")

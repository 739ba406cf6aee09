"""The `c360` command: names the subcommands, and turns every error raised on purpose into one line and an exit code.

Subcommands are imported when they are called, so that `c360 --help` stays fast.
"""

import os
import sys
from collections.abc import Sequence
from importlib.metadata import version
from typing import Final, NoReturn

from cyclopts import App, CycloptsError, UnknownCommandError

from events.errors import C360Error

_INTERRUPTED = 130  # as a shell reports a program that SIGINT ended

_TRY, _USE, _LOOK, _RUN = "1. Try out", "2. Use", "3. Look", "4. Run the parts"

#: Name, group and summary of each subcommand; the module of that name (`-` is `_` there) in `commands` has it.
COMMANDS: Final = (
    ("demo", _TRY, "Start everything, replay the sample files, look totals up."),
    ("up", _TRY, "Start everything on this machine and keep it running until Ctrl-C."),
    ("replay", _USE, "Replay files into the topics."),
    ("pull", _USE, "Read a paginated HTTP API into the topics."),
    ("generate", _USE, "Make up data that hangs together, to files or to the topics."),
    ("map", _USE, "Propose a mapping for a file."),
    ("export", _USE, "Write facts and totals to files, Parquet or CSV."),
    ("share", _USE, "Share data with partners, without personal data."),
    ("forget", _USE, "Forget a customer, and prove it."),
    ("status", _LOOK, "How far the views are behind the topics, per partition."),
    ("rejects", _LOOK, "What was refused, and why."),
    ("replays", _LOOK, "What was loaded into the topics: list it, verify it, make a load again."),
    ("check", _LOOK, "Ask the data-quality checks."),
    ("docs", _LOOK, "Write the catalogue: what there is, and who reads whom."),
    ("verify", _LOOK, "Hold every view against plain SQL over the stored facts."),
    ("rebuild", _RUN, "Compute running totals anew from the stored facts."),
    ("evaluate", _LOOK, "How good the next best category is, on the purchases that are there."),
    ("config", _LOOK, "The settings."),
    ("refresh", _RUN, "Refresh materialized views now."),
    ("token", _RUN, "Tokens for the API: make, list and revoke them."),
    ("api", _RUN, "Serve the HTTP API."),
    ("processor", _RUN, "Process the topics into Postgres."),
    ("refresher", _RUN, "Keep the materialized views fresh."),
    ("migrate", _RUN, "Bring the database to the current schema."),
    ("topics", _RUN, "Create the topics that the broker lacks."),
    ("mock-crm", _RUN, "Serve a file of customers as a paginated API."),
    ("adopt", _RUN, "Accept topics that were deleted and created again, or that lost events."),
)


def build_app(called: str | None = None) -> App:
    """Put the command line together.

    Args:
        called: The subcommand that is about to run, if any: that one describes itself, by its docstring.
    """
    app = App(
        name="c360",
        help="Live totals about each customer: events through Kafka once, seconds later in Postgres and on the API.",
        # Importing the renderer of Markdown takes longer than all the rest of `c360 --help`.
        help_format="markdown" if called else "plaintext",
        version=lambda: version("live-customer-360"),
        suppress_keyboard_interrupt=False,
    )
    for name, group, summary in COMMANDS:
        help_text = None if name == called else summary
        module = name.replace("-", "_")
        app.command(f"c360.commands.{module}:{module}", name=name, group=group, help=help_text)
    return app


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command line.

    Args:
        arguments: Without the program's name; None: those of this process.
    Returns: The exit code.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    app = build_app(arguments[0] if arguments else None)
    try:
        result = app(arguments, exit_on_error=False, print_error=False, result_action="return_value")
        sys.stdout.flush()
    except UnknownCommandError as error:  # its own text would import every command to find a similar one
        return _failed(f"there is no command {(error.unused_tokens or ['?'])[0]!r} (see `c360 --help`)", 2)
    except CycloptsError as error:
        return _failed(f"{error} (see `c360 --help`)", 2)
    except C360Error as error:
        return _failed(error, error.exit_code)
    except KeyboardInterrupt:
        return _INTERRUPTED
    except BrokenPipeError:  # the reader of our output had enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return result if isinstance(result, int) else 0


def main() -> NoReturn:
    """Entry point of the `c360` script."""
    sys.exit(run())


def _failed(reason: object, exit_code: int) -> int:
    line = " ".join(str(reason).split())
    sys.stderr.write(f"c360: {line}\n")
    return exit_code


if __name__ == "__main__":
    main()

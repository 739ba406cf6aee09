"""Every error that is raised on purpose, sorted by what the caller must do.

C360Error
├── RejectedEvent   set the one event aside, go on
├── Unavailable     a server is away: same input, try again
├── RefusedState    going on could be silently wrong: stop and explain
├── UsageError      what the user asked for can't be done as asked
└── Unexpected      something that nobody thought of: stop
"""


class C360Error(Exception):
    """Root of every error raised on purpose; its text is one readable line."""

    #: What the command line exits with (conventions: 1 findings, 2 usage, 3 unreachable).
    exit_code = 1


class RejectedEvent(C360Error):
    """An event that breaks the contract: goes to `rejected_events` with reason and field, and is never retried.

    Args:
        reason: What is wrong and what would be right, in one line.
        field: Path of the offending field as JSONPath (`$.occurred_at`), or None when the whole event is at fault.
    """

    def __init__(self, reason: str, *, field: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.field = field


class Unavailable(C360Error):
    """Postgres or the broker is away: the same input will do later. The API answers 503, commands exit with 3."""

    exit_code = 3


class RefusedState(C360Error):
    """Going on could be silently wrong: stop, explain, print the command that helps."""

    exit_code = 1


class UsageError(C360Error):
    """A file, mapping, option or argument that can't be used as it is; the text names the place and the mend."""

    exit_code = 2


class Unexpected(C360Error):
    """Something that nobody thought of stopped a long-running command; the log has its stack trace at level debug."""

    exit_code = 1

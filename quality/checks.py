"""What a check is."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """What it means that a check fails."""

    #: Somebody should look.
    WARN = "warn"
    #: Something is wrong: `c360 check` exits with 1.
    ERROR = "error"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that ought to hold."""

    name: str
    level: Level
    #: What holds when it passes, in a sentence.
    meaning: str
    #: What to do when it fails.
    remedy: str
    #: The columns of an offending row that may be stored, mailed and served: none of personal data. Others are shown
    #: on the terminal only.
    kept: tuple[str, ...] = ()
    #: One SELECT: the offending rows.
    query: str

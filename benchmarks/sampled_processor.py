"""`c360 processor`, looked at every two milliseconds of its CPU time: in which function of ours was it?

`python -m benchmarks.sampled_processor FILE`: when it is stopped by SIGTERM it writes the counts to FILE as JSON.
"""

import json
import signal
import sys
from collections import Counter
from pathlib import Path
from types import FrameType

from c360.commands.processor import processor

_INTERVAL_SECONDS = 0.002
_ROOT = str(Path(__file__).parents[1])
_OURS = tuple(f"{_ROOT}/{folder}/" for folder in ("stream_processors", "events"))


def main(file: Path) -> None:
    """Run the processor until it is stopped."""
    counts: Counter[str] = Counter()
    signal.signal(signal.SIGPROF, lambda _, frame: counts.update([_place(frame)]))
    signal.setitimer(signal.ITIMER_PROF, _INTERVAL_SECONDS, _INTERVAL_SECONDS)
    try:
        processor()
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        file.write_text(json.dumps(counts))


def _place(frame: FrameType | None) -> str:
    """The innermost function of ours that runs."""
    while frame and not _is_ours(frame.f_code.co_filename):
        frame = frame.f_back
    if frame is None:
        return "libraries: Faust, aiokafka, event loop, imports"
    return f"{Path(frame.f_code.co_filename).stem}.{frame.f_code.co_qualname}"


def _is_ours(file: str) -> bool:
    return file.startswith(_OURS) and not file.endswith("/app.py")  # that one runs all the rest


if __name__ == "__main__":
    main(Path(sys.argv[1]))

"""Who takes part: the hand-written loop, which is the reference, and ours."""

import sys
from typing import Final

from benchmarks.contest import Contestant, Tables

LOOP: Final = Contestant(
    name="hand-written loop", command=lambda _: [sys.executable, "-m", "benchmarks.hand_written_loop"]
)

_PROCESSOR: Final = {"facts": ["c360", "processor"], "totals": ["benchmarks.totals_alone"]}

#: With facts, the processor as its users start it, all its views included; without, its engine with one view.
OURS: Final = Contestant(
    name="Live Customer 360",
    command=lambda mode: [sys.executable, "-m", *_PROCESSOR[mode]],
    tables={"facts": Tables("interactions", "channel_totals"), "totals": Tables()},
)

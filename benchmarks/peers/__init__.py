"""The peers: each one file, set up as its own documentation advises, in an environment of its own.

NAME.in says what a peer needs, NAME.txt pins it (`make lock`). The files read the environment (KAFKA_BOOTSTRAP_SERVERS,
DATABASE_URL, BENCHMARK_*), and import nothing of ours.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from benchmarks.contest import Contestant
from benchmarks.environments import ROOT, environment
from benchmarks.work import Mode
from local_stack import kafka_jars

_FOLDER: Final = Path(__file__).parent


def _peer(name: str, requirements: str, file: str, *, share: float = 1.0) -> Contestant:
    def command(_: Mode) -> Sequence[str | Path]:
        return [_programs(requirements) / "python", _FOLDER / file]

    return Contestant(name=name, command=command, share=share)


def _programs(name: str) -> Path:
    return environment(_FOLDER / f"{name}.txt", ROOT / ".venv-benchmarks" / name)


def _pathway(_: Mode) -> Sequence[str | Path]:
    programs = _programs("pathway")
    threads = str(len(os.sched_getaffinity(0)))
    return [programs / "pathway", "spawn", "--threads", threads, programs / "python", _FOLDER / "pathway_app.py"]


def _flink(_: Mode) -> Sequence[str | Path]:
    os.environ.setdefault("JAVA_HOME", str(kafka_jars.java().resolve().parents[1]))
    jars = kafka_jars.fetch(_FOLDER / "flink_jars.txt", "flink-2.3")
    return [_programs("flink") / "python", _FOLDER / "flink_sql.py", *jars]


PEERS: Final = (
    _peer("confluent-kafka and psycopg", "plain_loop", "plain_loop.py"),
    _peer("Quix Streams", "quix", "quix_app.py"),
    Contestant(name="Pathway", command=_pathway),
    _peer("Bytewax", "bytewax", "bytewax_flow.py"),
    Contestant(name="Flink SQL", command=_flink),
    # Far behind: what it does with a twentieth of the work tells its rate.
    _peer("Faust, per event", "faust", "faust_app.py", share=0.05),
)

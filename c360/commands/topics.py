"""`c360 topics`: create the topics that the broker lacks."""

from pathlib import Path

from c360.output import OUT
from c360.target import resolve_target
from events.admin import create_topics
from settings import Settings


def topics(*, data_dir: Path | None = None) -> None:
    """Create the topics that the broker lacks, with KAFKA_PARTITIONS and KAFKA_REPLICATION_FACTOR; safe to run twice.

    Parameters
    ----------
    data_dir: Path
        Work with the stack that runs in this data directory, not with what the environment names.
    """
    target = resolve_target(Settings(), data_dir)
    created = create_topics(
        target.librdkafka(), partitions=target.kafka.partitions, replication_factor=target.kafka.replication_factor
    )
    for name in created:
        OUT.print(f"created {name}", markup=False)
    OUT.print(f"{target.bootstrap_servers} has every topic", markup=False)

"""Postgres on a disk that is full for a while: the processor tries again until there is room, and all is exact."""

import contextlib
import errno
import os
import subprocess
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from random import Random
from typing import Final

import psycopg
import pytest

from c360.testing.servers import BrokerServer
from events.encoding import Record
from local_stack.postgres import DATABASE, SETTINGS, Postgres
from sql.migrate import migrate
from tests.faults import stand as stands
from tests.faults.exactness import assert_exact
from tests.faults.history import record, tell
from tests.faults.stand import Stand

#: Room for the facts of these tests and a write-ahead log of the least size.
_DISK_MEGABYTES: Final = 256
_SETTINGS: Final = {
    **SETTINGS,
    "fsync": "off",
    "shared_buffers": "32MB",
    "min_wal_size": "32MB",
    "max_wal_size": "64MB",
}


_NO_ROOM: Final = os.strerror(errno.ENOSPC)


class Disk:
    """A small file system of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ballast = folder / "ballast"

    def fill(self) -> None:
        """Leave no room."""
        portion = bytes(64 * 1024)
        with self._ballast.open("ab", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(portion)

    def make_room(self) -> None:
        """Leave the room that there was."""
        self._ballast.unlink()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    """A disk that can be filled without harm to anything else."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={_DISK_MEGABYTES}m,mode=0777", "tmpfs", str(folder)]
    mounted = subprocess.run(mount, capture_output=True, text=True, check=False)
    if mounted.returncode != 0:
        pytest.skip(f"a full disk needs the right to mount one (root): {mounted.stderr.strip()}")
    try:
        yield Disk(folder)
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def _fill_while_events_come(stand: Stand, disk: Disk, records: Iterator[Record]) -> None:
    stand.publish(islice(records, 5_000))
    stand.wait_until(lambda: stand.committed() > 0, "progress")
    disk.fill()
    stand.publish(records)


def test_no_room_for_tables_for_a_while(tmp_path: Path, disk: Disk, broker_server: BrokerServer) -> None:
    server = Postgres(tmp_path / "postgres", log=tmp_path / "postgres.log", settings=_SETTINGS)
    try:
        url = server.start()
        _move_tables_to(disk, server)
        migrate(url)
        told = tell(Random(41), interactions=15_000)
        with stands.running(tmp_path, url, broker_server) as stand:
            processor = stand.start_processor(C360_CHUNK_EVENTS=1_000)
            _fill_while_events_come(stand, disk, map(record, told))
            stand.wait_until(lambda: server.log.read_text().count(_NO_ROOM) > 2, "it tries again and again")
            assert stand.committed() < stand.published
            disk.make_room()
            stand.wait_until_done()
            assert_exact(stand, told)
            assert processor.terminate() == 0
    finally:
        server.close()


@pytest.mark.long
def test_no_room_for_anything_so_that_postgres_falls(tmp_path: Path, disk: Disk, broker_server: BrokerServer) -> None:
    server = Postgres(disk.folder / "postgres", log=tmp_path / "postgres.log", settings=_SETTINGS)
    try:
        url = server.start()
        migrate(url)
        told = tell(Random(42), interactions=15_000)
        with stands.running(tmp_path, url, broker_server) as stand:
            processor = stand.start_processor(C360_CHUNK_EVENTS=1_000)
            _fill_while_events_come(stand, disk, map(record, told))
            with stand.connect() as connection, pytest.raises(psycopg.OperationalError):
                connection.execute("CHECKPOINT")  # would come in a while
            stand.wait_until(lambda: not server.running, "Postgres ends: it has no room for what it must keep")
            assert _NO_ROOM in server.log.read_text()
            assert processor.running
            disk.make_room()
            server.start()
            stand.wait_until_done()
            assert_exact(stand, told)
            assert processor.terminate() == 0
    finally:
        server.close()


def _move_tables_to(disk: Disk, server: Postgres) -> None:
    """Keep tables on the disk; the log of what was committed stays where it is."""
    folder = disk.folder / "tables"
    folder.mkdir(mode=0o700)
    if os.geteuid() == 0:
        os.chown(folder, (server.folder / "data").stat().st_uid, -1)
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE TABLESPACE small LOCATION '{folder}'")
        connection.execute(f"ALTER DATABASE {DATABASE} SET TABLESPACE small")

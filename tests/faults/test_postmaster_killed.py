"""The embedded Postgres, whose main process was killed while one of its sessions was still at work."""

import os
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from c360.testing.programs import PATIENCE_SECONDS
from local_stack.postgres import SETTINGS, Postgres

pytestmark = pytest.mark.timeout(2 * PATIENCE_SECONDS)


def test_it_is_started_again_once_the_last_session_is_gone(tmp_path: Path) -> None:
    server = Postgres(tmp_path / "postgres", log=tmp_path / "postgres.log", settings={**SETTINGS, "fsync": "off"})
    server.start()
    with psycopg.connect(server.url()) as session:
        busy = session.info.backend_pid
        os.kill(busy, signal.SIGSTOP)
        assert server.process
        server.process.kill()
        server.process.wait(PATIENCE_SECONDS)
        killed = server.process
        try:
            with ThreadPoolExecutor() as pool:
                started = pool.submit(server.start)
                while "shared memory block" not in server.log.read_text():
                    assert not started.done()
                assert server.process is not killed
                os.kill(busy, signal.SIGCONT)
                # Here, as it is stopped with the thread that started it.
                with psycopg.connect(started.result(PATIENCE_SECONDS)) as again:
                    assert again.execute("SELECT 1").fetchone() == (1,)
        finally:
            server.stop()

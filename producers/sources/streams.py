"""Bytes and lines of a file in constant memory: decompression, growing files, and what is refused for its size."""

import codecs
import gzip
import hashlib
import select
import zlib
from collections.abc import Iterator
from io import DEFAULT_BUFFER_SIZE, BufferedReader, RawIOBase, TextIOWrapper
from itertools import chain
from typing import Any, BinaryIO, Final, Protocol, cast

from producers.sources.table import Unreadable

try:
    from compression import zstd  # type: ignore[import-not-found,unused-ignore]
except ModuleNotFoundError:
    from backports import zstd

COMPRESSIONS: Final = (".gz", ".zst")

#: A file that inflates to more than this many times its size is refused as a bomb, once it has passed _BOMB_BYTES.
_BOMB_RATIO: Final = 250
_BOMB_BYTES: Final = 100_000_000

#: More bytes than this without the end of a line are no rows of anything.
_LINE_BYTES: Final = 16_000_000

#: Lines are read in blocks of about so many characters.
_BLOCK_CHARACTERS: Final = 65_536

#: How long standard input is waited for before what came so far is published.
_WAIT_SECONDS: Final = 0.2

#: Error handler of decoders: unlike `surrogateescape` it takes any byte, as encodings of several bytes per letter need.
UNDECODABLE: Final = "c360-undecodable"

_DAMAGED: Final = (EOFError, zlib.error, gzip.BadGzipFile, zstd.ZstdError, OSError)


class Raw(Protocol):
    """What a file of bytes can do at least."""

    def read(self, size: int, /) -> bytes: ...
    def tell(self) -> int: ...
    def close(self) -> None: ...


class ByteFile(RawIOBase):
    """The decompressed bytes of a file; knows how far it was read, and refuses what would fill the memory.

    Args:
        name: For messages.
        raw: The bytes as they are stored.
        size: How many there are, 0 when nobody knows.
        compression: `.gz`, `.zst`, or nothing.
    """

    def __init__(self, name: str, raw: Any, size: int, compression: str) -> None:
        self.name = name
        self.size = size
        self._raw = raw
        self._file: Raw = _decompressed(raw, compression)
        self._compressed = bool(compression)
        self._inflated = self._without_line_end = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            block = self._file.read(len(buffer))
        except _DAMAGED as error:
            raise Unreadable(f"{self.name} is damaged or cut off: {error}") from error
        size = len(block)
        buffer[:size] = block
        self._inflated += size
        if self._compressed and self._inflated > max(_BOMB_BYTES, _BOMB_RATIO * self._raw.tell()):
            raise Unreadable(
                f"{self.name} inflates to more than {_BOMB_RATIO:,} times its size: it is not read further"
            )
        return size

    def check_lines(self, block: bytes) -> None:
        """Raises: Unreadable when there was no end of a line for too long."""
        self._without_line_end = 0 if b"\n" in block or b"\r" in block else self._without_line_end + len(block)
        if self._without_line_end > _LINE_BYTES:
            raise Unreadable(f"{self.name} has a line of more than {_LINE_BYTES:,} bytes: it is not read further")

    @property
    def seekable_raw(self) -> BinaryIO:
        """The stored bytes, for readers that move about in them."""
        return cast(BinaryIO, self._raw)

    @property
    def ended(self) -> bool:
        """False when there may come more after what looks like the end."""
        return bool(getattr(self._raw, "ended", True))

    def position(self) -> int:
        """Stored bytes read."""
        return 0 if self.closed else int(self._raw.tell())

    def close(self) -> None:
        if not self.closed:
            self._raw.close()
        super().close()


class Followed:
    """A file that grows: gives whole lines only, and at its end nothing, until there is more."""

    ended = False

    def __init__(self, raw: BinaryIO) -> None:
        self._raw = raw
        self._rest = b""

    def read(self, size: int, /) -> bytes:
        room = size - len(self._rest)
        if room <= 0:  # a line longer than the buffer: pass it on in pieces
            block, self._rest = self._rest[:size], self._rest[size:]
            return block
        block = self._rest + self._more(room)
        end = block.rfind(b"\n") + 1
        if self.ended or (end == 0 and len(block) >= size):
            end = len(block)
        self._rest = block[end:]
        return block[:end]

    def _more(self, size: int) -> bytes:
        return self._raw.read(size)

    def tell(self) -> int:
        return self._raw.tell()

    def close(self) -> None:
        self._raw.close()


class StandardInput(Followed):
    """Standard input: what came is given when nothing more comes for a moment."""

    def __init__(self, raw: BinaryIO) -> None:
        super().__init__(raw)
        self._read = 0

    def _more(self, size: int) -> bytes:
        ready, _, _ = select.select([self._raw], [], [], _WAIT_SECONDS)
        if not ready:
            return b""
        block: bytes = self._raw.read1(size)  # type: ignore[attr-defined]
        self.ended = not block
        self._read += len(block)
        return block

    def tell(self) -> int:
        return self._read

    def close(self) -> None:
        """It is not ours to close."""


class Digest:
    """SHA-256 of a file's stored bytes, as `sha256sum` prints it, taken while they are read."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        #: Bytes so far.
        self.size = 0

    def add(self, block: bytes) -> None:
        """Take what was read next."""
        self._hash.update(block)
        self.size += len(block)

    def hexdigest(self) -> str:
        """Of all bytes so far."""
        return self._hash.hexdigest()


class Digested:
    """A file that is read from its beginning to its end, and digested on the way."""

    def __init__(self, raw: Raw, digest: Digest) -> None:
        self._raw = raw
        self._digest = digest
        self.tell = raw.tell
        self.close = raw.close

    def read(self, size: int, /) -> bytes:
        block = self._raw.read(size)
        self._digest.add(block)
        return block

    @property
    def ended(self) -> bool:
        """False when there may come more after what looks like the end."""
        return bool(getattr(self._raw, "ended", True))


class Lines:
    """The lines of a text, with their ends. What can't be decoded becomes lone surrogates, and spoils its row alone."""

    def __init__(self, file: ByteFile, encoding: str | None = None) -> None:
        self._file = file
        buffered = BufferedReader(_LineChecked(file), DEFAULT_BUFFER_SIZE * 8)
        encoding = _encoding_of(buffered.peek(4)[:4], encoding)
        self._text = TextIOWrapper(buffered, encoding=encoding, errors=UNDECODABLE, newline="")
        self._number = 0
        self._ended = False
        self._block: list[str] = []
        self._lines = chain.from_iterable(self._blocks())

    def read(self) -> Iterator[str]:
        """Read on, to the end; of a file that grows, to where it ends now."""
        if self._ended:
            self._lines, self._ended = chain.from_iterable(self._blocks()), False
        return self._lines

    def line(self, number: int) -> str:
        """A line that was read just now, for the report of a broken one; lines are counted from 1."""
        place = number - self._number + len(self._block) - 1
        return self._block[place] if 0 <= place < len(self._block) else ""

    def _blocks(self) -> Iterator[list[str]]:
        self._ended = False
        while lines := self._text.readlines(_BLOCK_CHARACTERS):
            self._number += len(lines)
            self._block = lines
            yield lines
        self._ended = True


class _LineChecked(RawIOBase):
    """Passes bytes on, and looks for the ends of lines in them."""

    def __init__(self, file: ByteFile) -> None:
        self._file = file

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        size = self._file.readinto(buffer)
        self._file.check_lines(bytes(buffer[:size]))
        return size


def _as_lone_surrogates(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return "".join(chr(0xDC00 + byte) for byte in error.object[error.start : error.end]), error.end


codecs.register_error(UNDECODABLE, _as_lone_surrogates)


def _encoding_of(start: bytes, named: str | None) -> str:
    if start in {codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE}:
        return "utf-32"
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    return "utf-8-sig" if named is None or start.startswith(codecs.BOM_UTF8) else named


def _decompressed(raw: Any, compression: str) -> Raw:
    if compression == ".gz":
        return gzip.GzipFile(fileobj=raw, mode="rb")
    if compression == ".zst":
        return cast(Raw, zstd.ZstdFile(raw, mode="rb"))
    return cast(Raw, raw)

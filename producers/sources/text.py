"""Text files read a line at a time: UTF-8, with or without a byte order mark."""

from collections.abc import Generator
from io import BufferedReader, TextIOWrapper
from pathlib import Path


class TextFile:
    """The lines of a file, and how far it has been read."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._bytes: BufferedReader | None = None
        self._position = 0
        #: Bytes.
        self.size = path.stat().st_size
        #: The line that was read last, for the report of a broken one.
        self.line = ""

    def position(self) -> int:
        """Bytes read by the latest `lines`, to the block."""
        if self._bytes and not self._bytes.closed:
            self._position = self._bytes.tell()
        return self._position

    def lines(self) -> Generator[str, None, None]:
        """Read from the beginning; the file is closed when the iterator is."""
        # Bytes that are not UTF-8 become lone surrogates, so that they spoil their own row and no other.
        with (
            self._path.open("rb") as self._bytes,
            TextIOWrapper(self._bytes, encoding="utf-8-sig", errors="surrogateescape", newline="") as text,
        ):
            try:
                for self.line in text:
                    yield self.line
            finally:
                self.position()

"""Chunks without a record: where offsets hold nothing but traces of transactions, there is still a way to go."""

from stream_processors.chunks import Chunk


def test_a_chunk_without_records_skips_its_offsets() -> None:
    chunk = Chunk("interactions", 0, 5, (), 8)
    assert (chunk.next_offset, chunk.size, chunk.skipped, chunk.told_ms) == (8, 0, 3, 0)

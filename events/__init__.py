"""The contract: what travels through Kafka, and nothing about how it is produced, processed or stored.

Start with `contracts` (one model per stream), then `topics` (names, keys, partitions), `identity` (when two events
are the same fact) and `encoding` (bytes and headers). Imported by every other package; imports none of them.
"""

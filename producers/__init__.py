"""Files to topics: read rows, clean them into events, publish them.

Start with `replay`, which puts the steps together: `sources` (a file's rows), `mapping` (the file that says what its
columns mean), `cells` and `cleaning` (a row to an event, or to a rejected row), `identity` (ids for rows that have
none), `publish` (events to Kafka).
"""

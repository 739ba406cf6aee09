"""The whole of Live Customer 360 on one machine: embedded broker and Postgres, processors, API, in one data directory.

`stack` puts it together and is the file to read first; `broker` and `postgres` run on their own too, for tests.
For trying out and for tests: the embedded broker keeps its events in memory only.
"""

"""From topics to totals: Faust agents receive chunks of records and commit each as one unit of work in Postgres.

The way of a chunk: `chunks` fetches it, an agent of `app` has it decoded by its stream, the `dispatcher` decides what
is committed together, the `engine` makes a `unit_of_work` of it, behind the guard of `positions`.

Streams of facts (`interactions`, `transactions`) are `fact_stream`s: `settle` says what is new, `facts` stores it, and
`totals` moves the running totals that `views` declares, by the arithmetic of `fold`. Streams of things with a key
(`customers`, `products`, `channels`) are `keyed_stream`s. `tables` keeps rows of totals in memory, `catalogue` what all
workers know. `app` puts everything together: read that first.
"""

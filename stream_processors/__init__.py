"""From topics to totals: Faust agents receive chunks of records and commit each as one unit of work in Postgres.

The way of a chunk: `chunks` fetches it, `agents` hands it to the `dispatcher`, which decides what is committed
together; `unit_of_work` guards the transaction; the module of the stream (`interactions`, `customers`,
`product_discussions`, `rejected_rows`) decodes the records, stores the facts and moves the totals that `views` declares;
`tables` keeps the rows of these totals in memory. `app` puts it all together: read that first.
"""

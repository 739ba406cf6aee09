"""Start over: forget facts and totals, so that the topics are read again from their beginning."""

from sql import REATTRIBUTION_LOCK
from sql.migrate import Connection, totals

#: Written by processors alone; rejected_events stays, as the same refusals will have the same ids, and so does
#: forgotten_customers, for who was forgotten stays so.
_FACTS = (
    "interactions",
    "transactions",
    "product_discussions",
    "products",
    "channels",
    "customers",
    "customer_segments",
)

_TOLD_BY_TOPICS_THAT_ARE_GONE = "SELECT 1 FROM positions WHERE retired_at IS NOT NULL AND new > 0 LIMIT 1"


def forget_everything(connection: Connection) -> int | None:
    """Empty all tables that processors fill, and forget how far they are, in one transaction.

    A processor that runs is refused at its next unit of work, because its claim is gone, and starts over.
    Returns: Number of partitions that will be read again; None when the topics no longer hold all of the facts, and
        nothing was done.
    """
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [REATTRIBUTION_LOCK])
        if connection.execute(_TOLD_BY_TOPICS_THAT_ARE_GONE).fetchone():
            return None
        tables = ", ".join((*_FACTS, *totals(connection)))
        connection.execute(f"TRUNCATE {tables}".encode())  # names of ours and of the catalogue
        connection.execute("UPDATE reattribution SET epoch = epoch + 1")
        return connection.execute("DELETE FROM positions WHERE retired_at IS NULL").rowcount

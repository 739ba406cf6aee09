"""`python -m local_stack.data_model`: print docs/data-model.md, from a database that is migrated for the occasion."""

import sys
import tempfile
from pathlib import Path

import psycopg

from local_stack.postgres import Postgres
from sql.data_model import markdown
from sql.migrate import migrate


def main() -> None:
    """Print the document."""
    with tempfile.TemporaryDirectory() as folder:
        server = Postgres(Path(folder) / "postgres", log=Path(folder) / "postgres.log")
        try:
            url = server.start()
            migrate(url)
            with psycopg.connect(url) as connection:
                sys.stdout.write(markdown(connection))
        finally:
            server.stop()


if __name__ == "__main__":
    main()

"""The questions of sql/ for DuckDB and Databricks: `python -m integrations.dialects databricks`."""

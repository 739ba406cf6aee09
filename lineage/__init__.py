"""What there is and who reads whom: topics, tables, views and endpoints, down to their columns.

Nothing of it is written by hand: topics come from the contracts, tables and views from the live database, endpoints
from the application, and what a query reads from Postgres itself. Start with `graph`; `site` shows it to people,
`asyncapi` describes the topics to tools.
"""

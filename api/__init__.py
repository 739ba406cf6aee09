"""Postgres to HTTP: what is asked, answered from the running totals.

Start with `app` (everything is put together there). One folder per subject, each with its endpoints, models and
queries; what no subject owns lives in `kit/`. Endpoints only raise; `errors` makes the answer.
"""

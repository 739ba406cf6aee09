"""Pulling an HTTP source on request: the pull runs in a thread, a row in `ingest_jobs` tells how far it is."""

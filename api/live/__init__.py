"""Totals as they change, sent to whoever listens."""

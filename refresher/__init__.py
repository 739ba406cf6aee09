"""Keeps what is derived from the totals fresh: `schedule` says what is due, `loop` has it refreshed."""

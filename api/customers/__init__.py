"""Customers: the list, everything about one, and what one did."""

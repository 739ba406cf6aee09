"""What is derived from the totals: the business questions, statistics, revenue by period, the next best category."""

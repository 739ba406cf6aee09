"""What was sold: per day, per customer, per product."""

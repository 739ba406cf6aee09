"""What there is and who reads whom."""

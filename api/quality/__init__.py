"""What the data-quality checks say."""

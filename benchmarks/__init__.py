"""What is measured, against what: each module is one command; docs/benchmarks.md holds the latest results."""

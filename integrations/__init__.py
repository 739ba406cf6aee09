"""Live Customer 360 with the tools that people already have (README.md)."""

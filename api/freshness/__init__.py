"""How fresh the answers are: what waits in Kafka, and when each stream and each view last moved."""

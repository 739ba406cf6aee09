"""For tests of pipelines that use Live Customer 360: docs/testing.md. `plugin` has the fixtures.

Needs pytest; the containers need testcontainers.
"""

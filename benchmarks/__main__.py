"""`python -m benchmarks [EVENTS]`: the short set."""

import sys

from benchmarks.throughput import main

main(*map(int, sys.argv[1:2]))

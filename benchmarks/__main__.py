"""`python -m benchmarks [EVENTS]`: the short set. The long one beside it: `python -m benchmarks.growth`."""

import sys

from benchmarks import api, replay, throughput

arguments = [int(argument) for argument in sys.argv[1:2]]
throughput.main(*arguments)
replay.main(*arguments)
api.main()

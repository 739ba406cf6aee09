"""`python -m benchmarks NAME`: one command each, `short` and `all` for several; each writes build/benchmarks/NAME.json.

To add one: a module with a function whose keyword arguments are the options, and a line here.
"""

from cyclopts import App

from benchmarks import (
    api,
    freshness,
    growth,
    guarantees,
    guard,
    limit,
    live,
    profile,
    refresh,
    replay,
    scale_out,
    throughput,
    transactions,
)

app = App(name="python -m benchmarks", help="What is measured, against what. Figures: docs/benchmarks.md.")
app.command(throughput.throughput, name="throughput")
app.command(throughput.peers, name="peers")
app.command(guarantees.guarantees, name="guarantees")
app.command(guard.guard, name="guard")
app.command(limit.limit, name="limit")
app.command(profile.profile, name="profile")
app.command(transactions.measure, name="transactions")
app.command(
    replay.main, name="replay", help="Rows/s of a replay of CSV files, against a bare loop over the same records."
)
app.command(api.main, name="api", help="Requests/s of the API, against a bare handler of the same question.")
app.command(live.main, name="live", help="How long after a commit each of many subscribers of GET live has it.")
app.command(freshness.freshness, name="freshness")
app.command(refresh.main, name="refresh", help="What refreshing materialized views costs the processor.")
app.command(growth.growth, name="growth")
app.command(scale_out.scale_out, name="scale_out")


@app.command
def short(*, events: int = 1_000_000, broker: str | None = None) -> None:
    """The short set, in under 15 minutes: throughput, limit, replay, api, freshness.

    Parameters
    ----------
    events: int
        How many, where events are counted.
    broker: str
        host:port of a Kafka without our topics, or `kafka`: Apache Kafka on this machine (Java); by default the
        embedded broker.
    """
    throughput.throughput(events=events, broker=broker)
    limit.limit(events=events, broker=broker)
    replay.main(events)
    api.main()
    freshness.freshness(seconds=10, idle_seconds=30, broker=broker)


@app.command(name="all")
def everything(*, events: int = 1_000_000, broker: str | None = None) -> None:
    """Everything, in an hour or two.

    Parameters
    ----------
    events: int
        How many, where events are counted.
    broker: str
        host:port of a Kafka without our topics, or `kafka`: Apache Kafka on this machine (Java); by default the
        embedded broker.
    """
    throughput.peers(events=events, broker=broker)
    guarantees.guarantees(broker=broker)
    limit.limit(events=events, broker=broker)
    transactions.measure(events=events, broker=broker)
    replay.main(events)
    api.main()
    live.main()
    freshness.freshness(broker=broker)
    refresh.main()
    growth.growth(broker=broker)
    scale_out.scale_out(events=events, broker=broker)


if __name__ == "__main__":
    app()

"""What is due to be refreshed, and in which order."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from refresher.schedule import Schedule
from sql.refresh import MONTHLY_REPORT, Moment, Refreshable

NOW = datetime(2024, 3, 1, 9, 0, 30, tzinfo=UTC)
MOMENT = Moment(now=NOW, as_of=NOW.date(), position="interactions:0@7", epoch=0)
SCHEDULE = Schedule(seconds=60, report="0 9 1 * *", since=NOW - timedelta(days=40))


def refreshed(view: str = "segment_shares", *, ago: float = 3600, seconds: float = 0.1) -> Refreshable:
    """A view that was refreshed so many seconds ago, at the present position."""
    at = NOW - timedelta(seconds=ago)
    return Refreshable(
        view=view,
        tried_at=at,
        seconds=seconds,
        outcome="done",
        reason=None,
        rows=1,
        refreshed_at=at,
        age_seconds=ago,
        as_of=MOMENT.as_of,
        position=MOMENT.position,
        epoch=0,
    )


def never(view: str) -> Refreshable:
    return replace(
        refreshed(view),
        tried_at=None,
        seconds=None,
        outcome=None,
        refreshed_at=None,
        as_of=None,
        position=None,
        epoch=None,
    )


def test_nothing_is_due_where_nothing_changed() -> None:
    assert SCHEDULE.choose([refreshed()], MOMENT) is None


@pytest.mark.parametrize(
    "moment",
    [
        replace(MOMENT, position="interactions:0@8"),
        replace(MOMENT, epoch=1),  # a total was rebuilt
        replace(MOMENT, as_of=date(2024, 3, 2)),  # midnight
    ],
)
def test_a_change_makes_it_due_at_most_every_so_many_seconds(moment: Moment) -> None:
    assert SCHEDULE.choose([refreshed(ago=60)], moment) == "segment_shares"
    assert SCHEDULE.choose([refreshed(ago=59)], moment) is None


def test_what_failed_is_tried_again_no_sooner() -> None:
    failed = replace(never("segment_shares"), outcome="failed", tried_at=NOW - timedelta(seconds=59), seconds=0.1)
    assert SCHEDULE.choose([failed], MOMENT) is None
    assert SCHEDULE.choose([failed], replace(MOMENT, now=NOW + timedelta(seconds=1))) == "segment_shares"


def test_the_one_that_waits_longest_is_first() -> None:
    views = [refreshed("a", ago=100), refreshed("b", ago=300), refreshed("c", ago=200)]
    moved = replace(MOMENT, position="interactions:0@8")
    assert SCHEDULE.choose(views, moved) == "b"
    assert SCHEDULE.choose([*views, never("d")], moved) == "d"


def test_a_refresh_is_followed_by_nineteen_times_its_time_without_one() -> None:
    moved = replace(MOMENT, position="interactions:0@8")
    slow = refreshed("slow", ago=99, seconds=5)
    assert SCHEDULE.choose([slow, refreshed("other")], moved) is None
    assert SCHEDULE.choose([slow, refreshed("other")], replace(moved, now=NOW + timedelta(seconds=1))) == "other"


@pytest.mark.parametrize(
    ("made_at", "now", "due"),
    [
        ("2024-02-01T09:00:01Z", "2024-03-01T08:59:59Z", False),
        ("2024-02-01T09:00:01Z", "2024-03-01T09:00:01Z", True),
        ("2024-03-01T09:00:01Z", "2024-03-31T23:59:59Z", False),
        ("2024-02-01T09:00:01Z", "2024-03-17T12:00:00Z", True),  # it was missed
    ],
)
def test_the_report_is_made_by_its_schedule(made_at: str, now: str, due: bool) -> None:
    made = datetime.fromisoformat(made_at)
    report = replace(refreshed(MONTHLY_REPORT), tried_at=made, refreshed_at=made)
    chosen = SCHEDULE.choose([report], replace(MOMENT, now=datetime.fromisoformat(now)))
    assert (chosen == MONTHLY_REPORT) == due


def test_the_first_report_is_that_of_the_next_scheduled_moment() -> None:
    early = replace(SCHEDULE, since=datetime(2024, 3, 1, 8, 59, tzinfo=UTC))
    late = replace(SCHEDULE, since=datetime(2024, 3, 1, 9, 0, 1, tzinfo=UTC))
    assert early.choose([never(MONTHLY_REPORT)], MOMENT) == MONTHLY_REPORT
    assert late.choose([never(MONTHLY_REPORT)], MOMENT) is None


def test_the_report_waits_for_the_views_that_it_is_made_from() -> None:
    views = [refreshed("segment_shares"), never(MONTHLY_REPORT)]
    assert SCHEDULE.choose(views, replace(MOMENT, position="interactions:0@8")) == "segment_shares"
    assert SCHEDULE.choose(views, MOMENT) == MONTHLY_REPORT


def test_what_is_refreshed_in_steps_goes_on_after_its_rest_and_lets_others_go_first() -> None:
    moved = replace(MOMENT, position="interactions:0@8")
    begun = replace(refreshed("dear", ago=19, seconds=1), begun=True)
    assert SCHEDULE.choose([begun], MOMENT) is None
    assert SCHEDULE.choose([replace(begun, seconds=0.95)], MOMENT) == "dear"
    assert SCHEDULE.choose([replace(begun, seconds=0.95), refreshed("other", ago=61)], moved) == "other"
    assert SCHEDULE.choose([replace(begun, seconds=0.95), refreshed("other", ago=59)], moved) == "dear"


def test_the_report_does_not_wait_for_what_goes_on_and_on() -> None:
    begun = replace(refreshed("dear", ago=29, seconds=0.1), begun=True)
    assert SCHEDULE.choose([begun, never(MONTHLY_REPORT)], MOMENT) == MONTHLY_REPORT
    long_begun = replace(begun, tried_at=NOW - timedelta(seconds=31))  # before nine o'clock
    assert SCHEDULE.choose([long_begun, never(MONTHLY_REPORT)], MOMENT) == "dear"


def test_a_clock_that_was_set_back_does_not_make_anything_wait_until_it_is_there_again() -> None:
    ahead = refreshed(ago=-3 * 365 * 86_400)
    assert SCHEDULE.choose([ahead], MOMENT) is None
    moved = replace(MOMENT, position="interactions:0@8")
    assert SCHEDULE.choose([ahead], moved) == "segment_shares"
    assert SCHEDULE.choose([ahead, refreshed("customer_revenue")], moved) == "segment_shares"

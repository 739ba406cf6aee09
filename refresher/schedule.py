"""What is due to be refreshed, if anything. Pure: no Postgres, no clock.

A materialized view is due when something was committed since it was refreshed, or a new day began (UTC), but at most
every so many seconds; one that is refreshed in steps is due until the last of them. The monthly report is due at the
moments of its schedule, after one that was missed, and once what changed was refreshed after that moment.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from croniter import croniter

from sql.refresh import MONTHLY_REPORT, Moment, Refreshable

#: After each refresh come so many times its seconds without one: refreshing has a twentieth of one core at most,
#: however large the data grows. The views are older then.
_REST: Final = 19


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """When to refresh.

    Args:
        seconds: A view is refreshed at most so often.
        report: Cron line (UTC) of the monthly report.
        since: Moments of the report's schedule before this one are past, if none was ever made.
    """

    seconds: float
    report: str
    since: datetime

    def choose(self, views: Sequence[Refreshable], moment: Moment) -> str | None:
        """The view that is due for longest, if any."""
        views = [_without_future(view, moment.now) for view in views]
        others = [view for view in views if view.view != MONTHLY_REPORT]
        if any(_ended_at(view, rest=_REST) > moment.now for view in others):
            return None
        due = [view for view in others if self._is_due(view, moment)]
        if all(_ended_at(view) >= self._report_at(moment) for view in due):
            due += [view for view in views if view.view == MONTHLY_REPORT and self._report_is_due(view, moment)]
        due.sort(key=lambda view: (_ended_at(view), view.view))
        return due[0].view if due else None

    def _is_due(self, view: Refreshable, moment: Moment) -> bool:
        if view.begun:
            return True
        if self._was_just_tried(view, moment):
            return False
        return (view.position, view.epoch, view.as_of) != (moment.position, moment.epoch, moment.as_of)

    def _report_is_due(self, report: Refreshable, moment: Moment) -> bool:
        made_at = report.refreshed_at or self.since
        return not self._was_just_tried(report, moment) and made_at < self._report_at(moment)

    def _was_just_tried(self, view: Refreshable, moment: Moment) -> bool:
        return view.tried_at is not None and moment.now < view.tried_at + timedelta(seconds=self.seconds)

    def _report_at(self, moment: Moment) -> datetime:
        """The latest moment of the report's schedule."""
        latest: datetime = croniter(self.report, moment.now.astimezone(UTC)).get_prev(datetime)
        return latest


def _without_future(view: Refreshable, now: datetime) -> Refreshable:
    """As if it never ran, if that was in what is the future now: somebody has set Postgres' clock back."""
    return replace(view, tried_at=None) if view.tried_at and view.tried_at > now else view


def _ended_at(view: Refreshable, *, rest: float = 0) -> datetime:
    """When its last run ended, and as many times its seconds again; long ago if it never ran."""
    if view.tried_at is None or view.seconds is None:
        return datetime.fromisoformat("0001-01-01T00:00:00Z")
    return view.tried_at + timedelta(seconds=view.seconds * (1 + rest))

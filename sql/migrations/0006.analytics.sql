-- What refreshing leaves behind: its runs, the columns that categories were given, the monthly reports.

CREATE TABLE refreshes (
    refresh_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    view text NOT NULL,
    started_at timestamptz NOT NULL,
    seconds double precision NOT NULL,
    outcome text NOT NULL CHECK (outcome IN ('done', 'failed')),
    rows bigint,
    reason text,
    as_of date NOT NULL,
    position text NOT NULL,
    epoch bigint NOT NULL
);
CREATE INDEX refreshes_by_view ON refreshes (view, started_at DESC);
COMMENT ON TABLE refreshes IS
'Runs that refreshed a view; kept for a week, and of each view the last one that was done.';
COMMENT ON COLUMN refreshes.refresh_id IS 'Numbers the runs.';
COMMENT ON COLUMN refreshes.view IS 'What was refreshed: a materialized view, category_amounts_wide, or monthly_report.';
COMMENT ON COLUMN refreshes.started_at IS 'When it started (UTC): everything committed before is in the view.';
COMMENT ON COLUMN refreshes.seconds IS 'How long it took.';
COMMENT ON COLUMN refreshes.outcome IS 'done, or failed: then the view is still the one before.';
COMMENT ON COLUMN refreshes.rows IS 'Rows of the view afterwards; null where it failed.';
COMMENT ON COLUMN refreshes.reason IS 'Why it failed.';
COMMENT ON COLUMN refreshes.as_of IS 'What today was (UTC) when it started.';
COMMENT ON COLUMN refreshes.position IS
'How far the totals were when it started, as in the header C360-Position: everything before it is in the view.';
COMMENT ON COLUMN refreshes.epoch IS 'reattribution.epoch when it started.';
COMMENT ON INDEX refreshes_by_view IS 'The last run of a view.';

CREATE TABLE category_columns (
    category text PRIMARY KEY,
    column_name text NOT NULL UNIQUE,
    place integer NOT NULL UNIQUE
);
COMMENT ON TABLE category_columns IS
'Which column of category_amounts_wide each product category has; once given, it is never changed or taken away.';
COMMENT ON COLUMN category_columns.category IS 'As in category_amounts.';
COMMENT ON COLUMN category_columns.column_name IS 'Such as apps_and_games_amount.';
COMMENT ON COLUMN category_columns.place IS 'Order of the columns: that of their appearance.';

CREATE TABLE monthly_reports (
    month date PRIMARY KEY CHECK (extract(DAY FROM month) = 1),
    made_at timestamptz NOT NULL,
    report jsonb NOT NULL
);
COMMENT ON TABLE monthly_reports IS
'What the business questions were answered with after the end of each month. Names no customer, so it stays when one is forgotten.';
COMMENT ON COLUMN monthly_reports.month IS 'First day of the month that it is about.';
COMMENT ON COLUMN monthly_reports.made_at IS 'When it was made (UTC); facts that came later are not in it.';
COMMENT ON COLUMN monthly_reports.report IS 'Revenue, industries, segments, moves between segments, the best customers as numbers.';

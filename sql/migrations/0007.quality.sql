-- depends: 0002.access
-- The history of the data-quality checks.

CREATE TABLE quality_runs (
    check_name text NOT NULL,
    started_at timestamptz NOT NULL,
    level text NOT NULL CHECK (level IN ('warn', 'error')),
    seconds double precision NOT NULL,
    result text NOT NULL CHECK (result IN ('passed', 'failed', 'unanswered')),
    offenders bigint,
    examples jsonb NOT NULL DEFAULT '[]',
    reason text,
    PRIMARY KEY (check_name, started_at)
);
CREATE INDEX quality_runs_by_time ON quality_runs (started_at);
COMMENT ON TABLE quality_runs IS 'History of the data-quality checks: one row per check and time it was asked.';
COMMENT ON COLUMN quality_runs.check_name IS 'Name of the check: of its file, or of its declaration.';
COMMENT ON COLUMN quality_runs.started_at IS 'When it was asked (UTC).';
COMMENT ON COLUMN quality_runs.level IS 'What its failure meant: warn or error.';
COMMENT ON COLUMN quality_runs.seconds IS 'How long the answer took.';
COMMENT ON COLUMN quality_runs.result IS 'passed, failed, or unanswered: it took too long, or can''t be asked.';
COMMENT ON COLUMN quality_runs.offenders IS 'How many rows were wrong; null where it is not known.';
COMMENT ON COLUMN quality_runs.examples IS 'The first offending rows, without personal data: list of column to text.';
COMMENT ON COLUMN quality_runs.reason IS 'Why there is no answer.';
COMMENT ON INDEX quality_runs_by_time IS 'Forgetting what is old.';

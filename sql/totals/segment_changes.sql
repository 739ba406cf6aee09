-- When did a customer move from one segment to another?
CREATE TABLE IF NOT EXISTS segment_changes (
    customer_id text NOT NULL,
    changed_at timestamptz NOT NULL,
    old_segment text,
    new_segment text,
    PRIMARY KEY (customer_id, changed_at)
);
COMMENT ON TABLE segment_changes IS 'History of the customers'' segments; the first segment of a customer is no change.';
COMMENT ON COLUMN segment_changes.customer_id IS 'Who moved.';
COMMENT ON COLUMN segment_changes.changed_at IS 'When the event that told the new segment was written to its topic (UTC).';
COMMENT ON COLUMN segment_changes.old_segment IS 'Null: there was none, after one was cleared.';
COMMENT ON COLUMN segment_changes.new_segment IS 'Null: the segment was cleared.';

CREATE OR REPLACE VIEW segment_changes_from_facts AS
SELECT
    customer_id,
    changed_at,
    old_segment,
    new_segment
FROM (
    SELECT
        customer_id,
        changed_at,
        lag(segment) OVER history AS old_segment,
        segment AS new_segment,
        row_number() OVER history AS place
    FROM customer_segments
    WINDOW history AS (PARTITION BY customer_id ORDER BY changed_at)
) AS history
WHERE place > 1;
COMMENT ON VIEW segment_changes_from_facts IS 'The question that segment_changes answers, asked of the facts.';

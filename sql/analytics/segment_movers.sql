-- Which customers changed their segment in the last 12 months? The 12 months end with today: on 29 February 2024 they
-- begin with 1 March 2023.
DROP MATERIALIZED VIEW IF EXISTS segment_movers;
CREATE MATERIALIZED VIEW segment_movers AS
WITH bounds AS (
    SELECT
        (day - interval '12 months')::date + 1 AS first_day,
        day AS last_day
    FROM today
),

changes AS (
    SELECT
        s.customer_id,
        s.changed_at,
        s.old_segment,
        s.new_segment,
        row_number() OVER (PARTITION BY s.customer_id ORDER BY s.changed_at ASC) AS from_first,
        row_number() OVER (PARTITION BY s.customer_id ORDER BY s.changed_at DESC) AS from_last
    FROM segment_changes AS s
    CROSS JOIN bounds AS b
    WHERE (s.changed_at AT TIME ZONE 'UTC')::date BETWEEN b.first_day AND b.last_day
)

SELECT
    customer_id,
    count(*) AS changes,
    max(changed_at) AS last_changed_at,
    max(CASE WHEN from_first = 1 THEN old_segment END) AS old_segment,
    max(CASE WHEN from_last = 1 THEN new_segment END) AS new_segment
FROM changes
GROUP BY customer_id
WITH NO DATA;
CREATE UNIQUE INDEX segment_movers_key ON segment_movers (customer_id);
CREATE INDEX segment_movers_in_order ON segment_movers (last_changed_at DESC, customer_id);
COMMENT ON MATERIALIZED VIEW segment_movers IS
'Customers who changed their segment on one of the days of the last 12 months, today included.';
COMMENT ON COLUMN segment_movers.customer_id IS 'Id of the customer.';
COMMENT ON COLUMN segment_movers.changes IS 'How often; whoever came back to the first segment changed twice.';
COMMENT ON COLUMN segment_movers.last_changed_at IS 'When the last of these changes was written to its topic (UTC).';
COMMENT ON COLUMN segment_movers.old_segment IS 'Before the first of these changes; null: none.';
COMMENT ON COLUMN segment_movers.new_segment IS 'After the last of them; null: none.';
COMMENT ON INDEX segment_movers_key IS 'Refreshing while others read.';
COMMENT ON INDEX segment_movers_in_order IS 'The list, latest first, page by page.';

-- How are the numbers distributed? Every numeric column of customers, interactions and transactions. Equal values are
-- counted first: there are far fewer of them than rows, and sorting the rows is what would be dear.
DROP MATERIALIZED VIEW IF EXISTS column_statistics;
CREATE MATERIALIZED VIEW column_statistics AS
WITH numbers AS (
    SELECT
        'customers' AS table_name,
        'account_balance' AS column_name,
        '' AS currency,
        account_balance AS value,
        count(*) AS times
    FROM customers
    GROUP BY account_balance
    UNION ALL
    SELECT
        'interactions' AS table_name,
        'count' AS column_name,
        '' AS currency,
        count AS value,
        count(*) AS times
    FROM interactions
    GROUP BY count
    UNION ALL
    SELECT
        'interactions' AS table_name,
        'revenue' AS column_name,
        'EUR' AS currency,
        revenue AS value,
        count(*) AS times
    FROM interactions
    GROUP BY revenue
    UNION ALL
    SELECT
        'transactions' AS table_name,
        'quantity' AS column_name,
        '' AS currency,
        quantity AS value,
        count(*) AS times
    FROM transactions
    GROUP BY quantity
    UNION ALL
    SELECT
        'transactions' AS table_name,
        'amount' AS column_name,
        currency,
        amount AS value,
        count(*) AS times
    FROM transactions
    GROUP BY currency, amount
),

sized AS (
    SELECT
        table_name,
        column_name,
        currency,
        value,
        times,
        (sum(CASE WHEN value IS NULL THEN 0 ELSE times END) OVER of_column)::double precision AS present,
        sum(value * times) OVER of_column AS total,
        (sum(times) OVER (
            PARTITION BY table_name, column_name, currency
            ORDER BY value ASC NULLS LAST
        ))::double precision AS upto
    FROM numbers
    WINDOW of_column AS (PARTITION BY table_name, column_name, currency)
),

-- A quartile is a value, or between two: its place among all of them, counted from 0, says which and how far.
placed AS (
    SELECT
        table_name,
        column_name,
        currency,
        value,
        times,
        total,
        upto,
        value::double precision - total::double precision / nullif(present, 0) AS deviation,
        0.25::double precision * (present - 1) AS q1_place,
        0.5::double precision * (present - 1) AS median_place,
        0.75::double precision * (present - 1) AS q3_place
    FROM sized
),

measured AS (
    SELECT
        table_name,
        column_name,
        currency,
        coalesce(sum(times) FILTER (WHERE value IS NOT NULL), 0)::bigint AS count,
        coalesce(sum(times) FILTER (WHERE value IS NULL), 0)::bigint AS missing,
        min(value) AS min,
        max(value) AS max,
        max(total) AS total,
        sum(times * deviation * deviation) AS squares,
        min(value) FILTER (WHERE upto > floor(q1_place))::double precision AS q1_below,
        min(value) FILTER (WHERE upto > ceil(q1_place))::double precision AS q1_above,
        max(q1_place - floor(q1_place)) AS q1_between,
        min(value) FILTER (WHERE upto > floor(median_place))::double precision AS median_below,
        min(value) FILTER (WHERE upto > ceil(median_place))::double precision AS median_above,
        max(median_place - floor(median_place)) AS median_between,
        min(value) FILTER (WHERE upto > floor(q3_place))::double precision AS q3_below,
        min(value) FILTER (WHERE upto > ceil(q3_place))::double precision AS q3_above,
        max(q3_place - floor(q3_place)) AS q3_between
    FROM placed
    GROUP BY table_name, column_name, currency
)

SELECT
    table_name,
    column_name,
    currency,
    count,
    missing,
    min,
    max,
    round(total / nullif(count, 0), 6) AS mean,
    round(sqrt(squares / nullif(count - 1, 0))::numeric, 6) AS stddev,
    q1_below + (q1_above - q1_below) * q1_between AS q1,
    median_below + (median_above - median_below) * median_between AS median,
    q3_below + (q3_above - q3_below) * q3_between AS q3
FROM measured
WITH NO DATA;
CREATE UNIQUE INDEX column_statistics_key ON column_statistics (table_name, column_name, currency);
COMMENT ON MATERIALIZED VIEW column_statistics IS
'Descriptive statistics of the numeric columns of customers, interactions and transactions; amounts per currency.';
COMMENT ON COLUMN column_statistics.table_name IS 'customers, interactions or transactions.';
COMMENT ON COLUMN column_statistics.column_name IS 'The numeric column.';
COMMENT ON COLUMN column_statistics.currency IS
'What the numbers are in; empty: no money, or the account''s own currency, which is not told.';
COMMENT ON COLUMN column_statistics.count IS 'How many rows have a value.';
COMMENT ON COLUMN column_statistics.missing IS 'How many have none.';
COMMENT ON COLUMN column_statistics.min IS 'The smallest value.';
COMMENT ON COLUMN column_statistics.max IS 'The largest value.';
COMMENT ON COLUMN column_statistics.mean IS 'To 6 decimals.';
COMMENT ON COLUMN column_statistics.stddev IS 'Of a sample (divided by count - 1), to 6 decimals; null for a single value.';
COMMENT ON COLUMN column_statistics.q1 IS 'First quartile, interpolated between neighbours, in double precision.';
COMMENT ON COLUMN column_statistics.median IS 'Likewise.';
COMMENT ON COLUMN column_statistics.q3 IS 'Third quartile, likewise.';
COMMENT ON INDEX column_statistics_key IS 'Refreshing while others read.';

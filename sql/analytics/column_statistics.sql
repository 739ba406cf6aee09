-- How are the numbers distributed? Every numeric column of customers, interactions and transactions.
DROP MATERIALIZED VIEW IF EXISTS column_statistics;
CREATE MATERIALIZED VIEW column_statistics AS
WITH numbers AS (
    SELECT
        'customers' AS table_name,
        'account_balance' AS column_name,
        '' AS currency,
        account_balance AS value
    FROM customers
    UNION ALL
    SELECT
        'interactions' AS table_name,
        'count' AS column_name,
        '' AS currency,
        count AS value
    FROM interactions
    UNION ALL
    SELECT
        'interactions' AS table_name,
        'revenue' AS column_name,
        'EUR' AS currency,
        revenue AS value
    FROM interactions
    UNION ALL
    SELECT
        'transactions' AS table_name,
        'quantity' AS column_name,
        '' AS currency,
        quantity AS value
    FROM transactions
    UNION ALL
    SELECT
        'transactions' AS table_name,
        'amount' AS column_name,
        currency,
        amount AS value
    FROM transactions
)

SELECT
    table_name,
    column_name,
    currency,
    count(value) AS count,
    count(*) - count(value) AS missing,
    min(value) AS min,
    max(value) AS max,
    round(avg(value), 6) AS mean,
    round(stddev_samp(value), 6) AS stddev,
    percentile_cont(0.25) WITHIN GROUP (ORDER BY value::double precision) AS q1,
    percentile_cont(0.5) WITHIN GROUP (ORDER BY value::double precision) AS median,
    percentile_cont(0.75) WITHIN GROUP (ORDER BY value::double precision) AS q3
FROM numbers
GROUP BY table_name, column_name, currency
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

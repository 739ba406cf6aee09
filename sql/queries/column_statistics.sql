-- column_statistics
-- How are the numbers distributed?
SELECT
    table_name,
    column_name,
    nullif(currency, '') AS currency,
    count,
    missing,
    min,
    max,
    trim_scale(mean) AS mean,
    trim_scale(stddev) AS stddev,
    trim_scale(round(q1::numeric, 6)) AS q1,
    trim_scale(round(median::numeric, 6)) AS median,
    trim_scale(round(q3::numeric, 6)) AS q3
FROM column_statistics
ORDER BY table_name, column_name, currency

-- No fact occurs more than a day from now: that would be a typing error, or a clock that is wrong.
-- level: warn
-- remedy: Correct the facts at their source: the same id told again with the right moment replaces them.
-- kept: stream, fact_id, occurred_at
SELECT
    'interactions' AS stream,
    event_id AS fact_id,
    occurred_at
FROM interactions
WHERE occurred_at > now() + interval '1 day'
UNION ALL
SELECT
    'transactions' AS stream,
    transaction_id AS fact_id,
    occurred_at
FROM transactions
WHERE occurred_at > now() + interval '1 day'

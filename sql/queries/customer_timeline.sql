-- What did a customer do, newest first?
-- Parameters: customer_id; before_at, before_id and before_kind, the last row of the page before; most, of rows.
WITH contacts AS (
    SELECT
        'interaction' AS kind,
        event_id,
        coalesce(source_id, event_id::text) AS told_as,
        occurred_at,
        channel,
        product,
        NULL AS category,
        count,
        revenue AS amount,
        NULL AS currency
    FROM interactions
    WHERE
        customer_id = %(customer_id)s
        AND (occurred_at, event_id, 'interaction') < (%(before_at)s, %(before_id)s, %(before_kind)s::text)
    ORDER BY occurred_at DESC, event_id DESC
    LIMIT (%(most)s)
),

bought AS (
    SELECT
        'transaction' AS kind,
        transaction_id AS event_id,
        coalesce(source_id, transaction_id::text) AS told_as,
        occurred_at,
        NULL AS channel,
        product_id AS product,
        category,
        quantity AS count,
        amount,
        currency
    FROM transactions
    WHERE
        customer_id = %(customer_id)s
        AND (occurred_at, transaction_id, 'transaction') < (%(before_at)s, %(before_id)s, %(before_kind)s::text)
    ORDER BY occurred_at DESC, transaction_id DESC
    LIMIT (%(most)s)
)

SELECT *
FROM contacts
UNION ALL
SELECT *
FROM bought
ORDER BY occurred_at DESC, event_id DESC, kind DESC
LIMIT (%(most)s)

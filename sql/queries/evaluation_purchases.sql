-- evaluation_purchases
-- Purchases apart from the last of each customer, under the name that the models read; and those that were held out.
CREATE TEMPORARY TABLE ranked_purchases ON COMMIT DROP AS
SELECT
    transaction_id,
    customer_id,
    occurred_at,
    category,
    amount,
    row_number() OVER (PARTITION BY customer_id ORDER BY occurred_at DESC, transaction_id DESC) AS from_last,
    count(*) OVER (PARTITION BY customer_id) AS of_customer
FROM purchases
WHERE category <> 'unknown' AND amount >= 0;

CREATE TEMPORARY TABLE held_out ON COMMIT DROP AS
SELECT
    customer_id,
    category
FROM ranked_purchases
WHERE from_last = 1 AND of_customer > 1;

CREATE TEMPORARY TABLE purchases ON COMMIT DROP AS
SELECT
    transaction_id,
    customer_id,
    occurred_at,
    category,
    amount
FROM ranked_purchases
WHERE from_last > 1 OR of_customer = 1;

CREATE INDEX ON purchases (customer_id, occurred_at);
ANALYZE purchases;

-- What is counted of them: nothing yet.
CREATE TEMPORARY TABLE category_pairs (LIKE category_pairs) ON COMMIT DROP;

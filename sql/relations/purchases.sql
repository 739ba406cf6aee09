-- What was bought in which category? The one that the transaction names, else the one its product has now.
CREATE OR REPLACE VIEW purchases AS
SELECT
    t.transaction_id,
    t.customer_id,
    t.occurred_at,
    (t.occurred_at AT TIME ZONE 'UTC')::date AS day,
    t.product_id AS product,
    coalesce(t.category, p.category, 'unknown') AS category,
    t.quantity AS units,
    t.amount,
    t.currency,
    t.partition
FROM transactions AS t
LEFT JOIN products AS p USING (product_id);
COMMENT ON VIEW purchases IS
'The transactions with their day (UTC) and category; ''unknown'' until the category of the product is told.';

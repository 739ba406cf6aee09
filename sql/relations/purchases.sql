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
COMMENT ON COLUMN purchases.transaction_id IS 'The transaction.';
COMMENT ON COLUMN purchases.customer_id IS 'Who bought.';
COMMENT ON COLUMN purchases.occurred_at IS 'When (UTC).';
COMMENT ON COLUMN purchases.day IS 'Day of occurred_at (UTC).';
COMMENT ON COLUMN purchases.product IS 'product_id; null: only the category was told.';
COMMENT ON COLUMN purchases.category IS 'The category that the transaction names, else the one its product has now, else ''unknown''.';
COMMENT ON COLUMN purchases.units IS 'Quantity.';
COMMENT ON COLUMN purchases.amount IS 'Of all units together, as told.';
COMMENT ON COLUMN purchases.currency IS 'ISO 4217.';
COMMENT ON COLUMN purchases.partition IS 'Partition number of the customer''s key.';

-- Has any event named this customer? A row if so.
-- Parameters: customer_id.
SELECT customer_id
FROM customers
WHERE customer_id = %(customer_id)s
UNION ALL
SELECT customer_id
FROM channel_totals
WHERE customer_id = %(customer_id)s
UNION ALL
SELECT customer_id
FROM customer_purchases
WHERE customer_id = %(customer_id)s
LIMIT 1

DROP INDEX transactions_by_customer, transactions_without_category;
CREATE INDEX transactions_by_customer ON transactions (customer_id, occurred_at);
CREATE INDEX transactions_by_product ON transactions (product_id, customer_id);

-- Less to keep for each transaction: who bought a product is asked by customer, in an index that is there for timelines.
-- depends: 0011.partitions 0011.search
-- Measured over 400,000 transactions of 5,000 customers and 200 products: 2.3 us of Postgres's CPU per fact less, of 8.0,
-- and 38 instead of 50 MB.

DROP INDEX transactions_by_product;
CREATE INDEX transactions_without_category ON transactions (product_id) WHERE category IS NULL;
COMMENT ON INDEX transactions_without_category IS
'Which purchases move when a product changes its category: those that tell none themselves.';

DROP INDEX transactions_by_customer;
CREATE INDEX transactions_by_customer ON transactions (customer_id, occurred_at) INCLUDE (product_id);
COMMENT ON INDEX transactions_by_customer IS
'Timelines, forgetting, and what a customer bought and on which days: distinct customers per product and day.';

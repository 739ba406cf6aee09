-- How much was sold of each product, to how many customers, and when last?
CREATE TABLE IF NOT EXISTS product_sales_parts (
    product text NOT NULL,
    partition smallint NOT NULL,
    orders bigint NOT NULL,
    units bigint NOT NULL,
    revenue numeric NOT NULL,
    customers bigint NOT NULL,
    last_sold timestamptz NOT NULL,
    PRIMARY KEY (product, partition)
) WITH (fillfactor = 50);
COMMENT ON TABLE product_sales_parts IS
'Running total per product, one partial row per partition number; read it through the view product_sales. Transactions that name a category alone are not in it.';
COMMENT ON COLUMN product_sales_parts.partition IS 'Partition number of the customers'' keys that the row adds up.';
COMMENT ON COLUMN product_sales_parts.product IS 'product_id.';
COMMENT ON COLUMN product_sales_parts.orders IS 'Number of transactions.';
COMMENT ON COLUMN product_sales_parts.units IS 'Sum of the quantities.';
COMMENT ON COLUMN product_sales_parts.revenue IS 'Sum of the amounts, as told.';
COMMENT ON COLUMN product_sales_parts.customers IS 'How many customers of that partition bought it.';
COMMENT ON COLUMN product_sales_parts.last_sold IS 'Latest occurred_at (UTC).';

CREATE OR REPLACE VIEW product_sales_parts_from_facts AS
SELECT
    product,
    partition,
    count(*) AS orders,
    sum(units)::bigint AS units,
    sum(amount) AS revenue,
    count(DISTINCT customer_id) AS customers,
    max(occurred_at) AS last_sold
FROM purchases
WHERE product IS NOT NULL
GROUP BY product, partition;
COMMENT ON VIEW product_sales_parts_from_facts IS 'The question that product_sales answers, asked of the facts.';

CREATE OR REPLACE VIEW product_sales AS
SELECT
    product,
    sum(orders)::bigint AS orders,
    sum(units)::bigint AS units,
    sum(revenue) AS revenue,
    sum(customers)::bigint AS customers,
    sum(revenue) / sum(units) AS average_price,
    max(last_sold) AS last_sold
FROM product_sales_parts
GROUP BY product;
COMMENT ON VIEW product_sales IS 'Orders, units, revenue, distinct customers, average price per unit and latest sale (UTC) per product.';
COMMENT ON COLUMN product_sales.product IS 'product_id.';
COMMENT ON COLUMN product_sales.orders IS 'Number of transactions.';
COMMENT ON COLUMN product_sales.units IS 'Sum of the quantities.';
COMMENT ON COLUMN product_sales.revenue IS 'Sum of the amounts, as told.';
COMMENT ON COLUMN product_sales.customers IS 'How many customers bought it.';
COMMENT ON COLUMN product_sales.average_price IS 'Revenue per unit.';
COMMENT ON COLUMN product_sales.last_sold IS 'Latest occurred_at (UTC).';

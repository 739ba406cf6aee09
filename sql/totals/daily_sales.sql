-- What was sold on each day, and to how many customers?
CREATE TABLE IF NOT EXISTS daily_sales_parts (
    day date NOT NULL,
    currency text NOT NULL,
    partition smallint NOT NULL,
    orders bigint NOT NULL,
    units bigint NOT NULL,
    revenue numeric NOT NULL,
    customers bigint NOT NULL,
    PRIMARY KEY (day, currency, partition)
) WITH (fillfactor = 50);
COMMENT ON TABLE daily_sales_parts IS
'Running total per day (UTC) and currency, one partial row per partition number; read it through the view daily_sales.';
COMMENT ON COLUMN daily_sales_parts.day IS 'In UTC.';
COMMENT ON COLUMN daily_sales_parts.currency IS 'ISO 4217.';
COMMENT ON COLUMN daily_sales_parts.partition IS 'Partition number of the customers'' keys that the row adds up.';
COMMENT ON COLUMN daily_sales_parts.orders IS 'Number of transactions.';
COMMENT ON COLUMN daily_sales_parts.units IS 'Sum of the quantities.';
COMMENT ON COLUMN daily_sales_parts.revenue IS 'Sum of the amounts.';
COMMENT ON COLUMN daily_sales_parts.customers IS 'How many customers of that partition bought on that day.';

CREATE OR REPLACE VIEW daily_sales_parts_from_facts AS
SELECT
    day,
    currency,
    partition,
    count(*) AS orders,
    sum(units)::bigint AS units,
    sum(amount) AS revenue,
    count(DISTINCT customer_id) AS customers
FROM purchases
GROUP BY day, currency, partition;
COMMENT ON VIEW daily_sales_parts_from_facts IS 'The question that daily_sales answers, asked of the facts.';

CREATE OR REPLACE VIEW daily_sales AS
SELECT
    day,
    currency,
    sum(orders)::bigint AS orders,
    sum(units)::bigint AS units,
    sum(revenue) AS revenue,
    sum(customers)::bigint AS customers
FROM daily_sales_parts
GROUP BY day, currency;
COMMENT ON VIEW daily_sales IS 'Orders, units, revenue and distinct customers per day (UTC) and currency.';
COMMENT ON COLUMN daily_sales.day IS 'In UTC.';
COMMENT ON COLUMN daily_sales.currency IS 'ISO 4217; currencies are not converted.';
COMMENT ON COLUMN daily_sales.orders IS 'Number of transactions.';
COMMENT ON COLUMN daily_sales.units IS 'Sum of the quantities.';
COMMENT ON COLUMN daily_sales.revenue IS 'Sum of the amounts.';
COMMENT ON COLUMN daily_sales.customers IS 'How many customers bought on that day.';

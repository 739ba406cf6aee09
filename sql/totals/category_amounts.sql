-- What has a customer bought in each product category?
CREATE TABLE IF NOT EXISTS category_amounts (
    customer_id text NOT NULL,
    category text NOT NULL,
    orders bigint NOT NULL,
    units bigint NOT NULL,
    amount numeric NOT NULL,
    PRIMARY KEY (customer_id, category)
) WITH (fillfactor = 50);
COMMENT ON TABLE category_amounts IS
'Running total per customer and product category: the one that the transaction names, else the one its product has now, else ''unknown''.';
COMMENT ON COLUMN category_amounts.customer_id IS 'The customer; the customers stream need not know it.';
COMMENT ON COLUMN category_amounts.category IS 'Category of the products bought, ''unknown'' until it is told.';
COMMENT ON COLUMN category_amounts.orders IS 'Number of transactions.';
COMMENT ON COLUMN category_amounts.units IS 'Sum of the quantities.';
COMMENT ON COLUMN category_amounts.amount IS 'Sum of the amounts, as told.';

CREATE OR REPLACE VIEW category_amounts_from_facts AS
SELECT
    customer_id,
    category,
    count(*) AS orders,
    sum(units)::bigint AS units,
    sum(amount) AS amount
FROM purchases
GROUP BY customer_id, category;
COMMENT ON VIEW category_amounts_from_facts IS 'The question that category_amounts answers, asked of the facts.';

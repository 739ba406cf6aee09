-- How much do customers of each type talk about each product, and how many of them do?
CREATE TABLE IF NOT EXISTS product_interest_parts (
    customer_type text NOT NULL,
    product text NOT NULL,
    partition smallint NOT NULL,
    interactions bigint NOT NULL,
    customers bigint NOT NULL,
    PRIMARY KEY (customer_type, product, partition)
) WITH (fillfactor = 50);
COMMENT ON TABLE product_interest_parts IS
'Running total per customer type and product, one partial row per partition number so that no two workers wait for one row; read it through the view product_interest.';
COMMENT ON COLUMN product_interest_parts.product IS 'What the interactions talk about.';
COMMENT ON COLUMN product_interest_parts.partition IS 'Partition number of the customers'' keys that the row adds up.';
COMMENT ON COLUMN product_interest_parts.customer_type IS 'Type of the customer, ''unknown'' until the customers stream tells it.';
COMMENT ON COLUMN product_interest_parts.interactions IS 'Sum of the counts.';
COMMENT ON COLUMN product_interest_parts.customers IS 'How many customers of that type and partition talked about the product.';

CREATE OR REPLACE VIEW product_interest_parts_from_facts AS
SELECT
    coalesce(c.customer_type, 'unknown') AS customer_type,
    t.product,
    t.partition,
    sum(t.count)::bigint AS interactions,
    count(DISTINCT t.customer_id) AS customers
FROM interaction_topics AS t
LEFT JOIN customers AS c USING (customer_id)
GROUP BY coalesce(c.customer_type, 'unknown'), t.product, t.partition;
COMMENT ON VIEW product_interest_parts_from_facts IS 'The question that product_interest answers, asked of the facts.';

CREATE OR REPLACE VIEW product_interest AS
SELECT
    customer_type,
    product,
    sum(interactions)::bigint AS interactions,
    sum(customers)::bigint AS customers
FROM product_interest_parts
GROUP BY customer_type, product;
COMMENT ON VIEW product_interest IS 'Interactions and customers per customer type and product; ''unknown'' until the type of a customer is told.';
COMMENT ON COLUMN product_interest.customer_type IS 'Type of the customers, ''unknown'' until it is told.';
COMMENT ON COLUMN product_interest.product IS 'What the interactions talk about.';
COMMENT ON COLUMN product_interest.interactions IS 'Sum of the counts.';
COMMENT ON COLUMN product_interest.customers IS 'How many customers of that type talked about the product.';

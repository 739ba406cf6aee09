-- How many customers are there? Kept by the table customers itself, whoever writes it: the API tells it with every page.
CREATE TABLE IF NOT EXISTS customer_counts (
    partition smallint PRIMARY KEY,
    customers bigint NOT NULL
) WITH (fillfactor = 50);
COMMENT ON TABLE customer_counts IS
'Running total: customers that the customers stream has told of, those included that stand for forgotten ones; one row per partition number.';
COMMENT ON COLUMN customer_counts.partition IS 'Partition number of the customers'' keys.';
COMMENT ON COLUMN customer_counts.customers IS 'Rows of table customers.';

CREATE OR REPLACE VIEW customer_counts_from_facts AS
SELECT
    partition,
    count(*) AS customers
FROM customers
GROUP BY partition;
COMMENT ON VIEW customer_counts_from_facts IS 'The question that customer_counts answers, asked of the customers.';

-- Once per statement, not per row: about 1 us for each of 30,000 customers stored at once, of 10.
CREATE OR REPLACE FUNCTION count_customers() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO customer_counts AS known (partition, customers)
    SELECT partition, count(*) * CASE TG_OP WHEN 'INSERT' THEN 1 ELSE -1 END FROM changed GROUP BY partition
    ON CONFLICT (partition) DO UPDATE SET customers = known.customers + excluded.customers;
    DELETE FROM customer_counts WHERE customers = 0;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION count_customers IS 'Keeps customer_counts.';
CREATE OR REPLACE TRIGGER customers_come AFTER INSERT ON customers
REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION count_customers();
CREATE OR REPLACE TRIGGER customers_go AFTER DELETE ON customers
REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION count_customers();

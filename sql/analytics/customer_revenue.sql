-- Who is a customer, and what did each bring in so far? Everyone whom any event has named.
CREATE OR REPLACE VIEW customer_revenue AS
WITH interaction_revenue AS (
    SELECT
        customer_id,
        sum(revenue) AS revenue
    FROM channel_totals
    GROUP BY customer_id
)

SELECT
    customer_id,
    coalesce(c.segment, 'unknown') AS segment,
    coalesce(c.industry, 'unknown') AS industry,
    coalesce(t.revenue, 0) + coalesce(p.amount, 0) AS revenue
FROM customers AS c
FULL JOIN interaction_revenue AS t USING (customer_id)
FULL JOIN customer_purchases AS p USING (customer_id);
COMMENT ON VIEW customer_revenue IS
'Everyone whom any event has named, with what each brought in so far: the population of all analytics.';
COMMENT ON COLUMN customer_revenue.customer_id IS 'Id of the customer.';
COMMENT ON COLUMN customer_revenue.segment IS '''unknown'' until the customers stream tells it.';
COMMENT ON COLUMN customer_revenue.industry IS '''unknown'' until the customers stream tells it.';
COMMENT ON COLUMN customer_revenue.revenue IS
'Revenues of all interactions plus amounts of all purchases, as told: currencies are not converted.';

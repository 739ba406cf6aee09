-- How many customers are there like these? Of all together, customers_total.sql knows.
-- Parameters: customer_types, segments, industries and countries, each a list to narrow to, or null for all.
SELECT count(*) AS total
FROM customers
WHERE
    (customer_type = any(%(customer_types)s) OR %(customer_types)s::text[] IS NULL)
    AND (segment = any(%(segments)s) OR %(segments)s::text[] IS NULL)
    AND (industry = any(%(industries)s) OR %(industries)s::text[] IS NULL)
    AND (country = any(%(countries)s) OR %(countries)s::text[] IS NULL)

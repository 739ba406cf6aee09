-- Which customers come after this one? Shorter ids first, so that numbers are in their own order (2 before 10).
-- Parameters: after, an id, or '' for the first; most, of rows; skip, rows to leave out before those; and
-- customer_types, segments, industries and countries, each a list to narrow to, or null for all.
SELECT
    customer_id,
    first_name,
    last_name,
    email,
    phone,
    address,
    date_of_birth::text AS date_of_birth,
    account_balance,
    occupation,
    customer_type,
    segment,
    industry,
    country,
    account_id,
    created_at
FROM customers
WHERE
    (length(customer_id), customer_id) > (length(%(after)s::text), %(after)s::text)
    AND (customer_type = any(%(customer_types)s) OR %(customer_types)s::text[] IS NULL)
    AND (segment = any(%(segments)s) OR %(segments)s::text[] IS NULL)
    AND (industry = any(%(industries)s) OR %(industries)s::text[] IS NULL)
    AND (country = any(%(countries)s) OR %(countries)s::text[] IS NULL)
ORDER BY length(customer_id), customer_id
LIMIT (%(most)s) OFFSET (%(skip)s)

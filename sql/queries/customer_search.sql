-- Which customers are meant? The one with this very id, those whose id begins so, and, where names may be searched,
-- those of whom a name or the email address begins so. Parameters: customer_id, as typed and canonical; term, in small
-- letters; names, whether to look at personal data; most, of rows.
WITH by_id AS (
    SELECT customer_id
    FROM customers
    WHERE
        (length(customer_id), customer_id) >= (length(%(customer_id)s::text), %(customer_id)s::text)
        AND starts_with(customer_id, %(customer_id)s)
    ORDER BY length(customer_id), customer_id
    LIMIT (%(most)s)
),

-- Known by facts alone, it may be.
by_facts AS (
    SELECT customer_id
    FROM channel_totals
    WHERE customer_id = %(customer_id)s
    UNION
    SELECT customer_id
    FROM customer_purchases
    WHERE customer_id = %(customer_id)s
),

by_last_name AS (
    SELECT customer_id
    FROM customers
    WHERE %(names)s AND starts_with(lower(last_name), %(term)s)
    ORDER BY lower(last_name), customer_id
    LIMIT (%(most)s)
),

by_full_name AS (
    SELECT customer_id
    FROM customers
    WHERE %(names)s AND starts_with(lower(first_name || ' ' || last_name), %(term)s)
    ORDER BY lower(first_name || ' ' || last_name), customer_id
    LIMIT (%(most)s)
),

by_email AS (
    SELECT customer_id
    FROM customers
    WHERE %(names)s AND starts_with(lower(email), %(term)s)
    ORDER BY lower(email), customer_id
    LIMIT (%(most)s)
),

found AS (
    SELECT customer_id FROM by_facts
    UNION
    SELECT customer_id FROM by_id
    UNION
    SELECT customer_id FROM by_last_name
    UNION
    SELECT customer_id FROM by_full_name
    UNION
    SELECT customer_id FROM by_email
)

SELECT
    customer_id,
    c.first_name,
    c.last_name,
    c.customer_type,
    c.segment,
    c.country
FROM found
LEFT JOIN customers AS c USING (customer_id)
ORDER BY length(customer_id), customer_id
LIMIT (%(most)s)

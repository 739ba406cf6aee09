-- Customers were born in the past, and not more than 120 years ago.
-- level: warn
-- remedy: Correct the date of birth at its source; a two-digit year that was read into the wrong century is typical.
SELECT
    customer_id,
    date_of_birth
FROM customers
WHERE date_of_birth > current_date OR date_of_birth < current_date - interval '120 years'

-- What the search for customers by name needs, for those who may see names.
-- depends: 0002.access

CREATE INDEX customers_by_last_name ON customers (lower(last_name) text_pattern_ops);
CREATE INDEX customers_by_full_name ON customers (lower(first_name || ' ' || last_name) text_pattern_ops);
CREATE INDEX customers_by_email ON customers (lower(email) text_pattern_ops);
COMMENT ON INDEX customers_by_last_name IS 'The search, by the beginning of the last name.';
COMMENT ON INDEX customers_by_full_name IS 'The search, by the beginning of the full name.';
COMMENT ON INDEX customers_by_email IS 'The search, by the beginning of the email address.';

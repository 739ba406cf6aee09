-- How popular is each product category?
DROP MATERIALIZED VIEW IF EXISTS category_popularity;
CREATE MATERIALIZED VIEW category_popularity AS
SELECT
    category,
    count(*) AS purchases,
    count(*)::double precision / sum(count(*)) OVER () AS share
FROM purchases
WHERE category <> 'unknown' AND amount >= 0
GROUP BY category
WITH NO DATA;
CREATE UNIQUE INDEX category_popularity_key ON category_popularity (category);
COMMENT ON MATERIALIZED VIEW category_popularity IS
'How often each category was bought; without refunds, and without purchases whose category is unknown.';
COMMENT ON COLUMN category_popularity.category IS 'The product category.';
COMMENT ON COLUMN category_popularity.purchases IS 'Number of transactions.';
COMMENT ON COLUMN category_popularity.share IS 'Of all of these transactions.';
COMMENT ON INDEX category_popularity_key IS 'Refreshing while others read.';

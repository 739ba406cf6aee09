-- known_categories
-- Which product categories are there that have no column in category_amounts_wide yet?
SELECT category
FROM (
    SELECT category FROM category_amounts
    UNION
    SELECT category FROM products
    WHERE category IS NOT NULL
    UNION
    SELECT 'unknown' AS category
) AS known
WHERE category NOT IN (SELECT c.category FROM category_columns AS c)
ORDER BY category COLLATE "C"

-- industry_revenue
-- Which industry brings in most?
SELECT
    industry,
    place,
    customers,
    revenue,
    revenue_percent,
    revenue_category,
    customers_category
FROM industry_revenue
ORDER BY place ASC NULLS LAST, industry ASC

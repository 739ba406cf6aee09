-- One row per customer: what describes a person is withheld, step by step, from those who are not enough.
-- Every step looks at the rows as the steps before it left them; who is alone even at the end is left out.
-- Parameters: group_size.
INSERT INTO shared.customers
WITH told AS (
    SELECT
        p.pseudonym,
        CASE
            WHEN c.date_of_birth IS NULL THEN 'unknown'
            WHEN age(c.date_of_birth) < '18 years' THEN '0-17'
            WHEN age(c.date_of_birth) < '25 years' THEN '18-24'
            WHEN age(c.date_of_birth) < '35 years' THEN '25-34'
            WHEN age(c.date_of_birth) < '45 years' THEN '35-44'
            WHEN age(c.date_of_birth) < '55 years' THEN '45-54'
            WHEN age(c.date_of_birth) < '65 years' THEN '55-64'
            ELSE '65+'
        END AS age_band,
        coalesce(c.country, 'unknown') AS region,
        coalesce(c.customer_type, 'unknown') AS customer_type,
        coalesce(c.segment, 'unknown') AS segment,
        coalesce(c.industry, 'unknown') AS industry
    FROM pseudonyms AS p
    INNER JOIN customers AS c USING (customer_id)
),

industry_withheld AS (
    SELECT
        pseudonym,
        age_band,
        region,
        customer_type,
        segment,
        CASE WHEN count(*) OVER alike < %(group_size)s THEN 'withheld' ELSE industry END AS industry
    FROM told
    WINDOW alike AS (PARTITION BY age_band, region, customer_type, segment, industry)
),

age_withheld AS (
    SELECT
        pseudonym,
        CASE WHEN count(*) OVER alike < %(group_size)s THEN 'withheld' ELSE age_band END AS age_band,
        region,
        customer_type,
        segment,
        industry
    FROM industry_withheld
    WINDOW alike AS (PARTITION BY age_band, region, customer_type, segment, industry)
),

region_withheld AS (
    SELECT
        pseudonym,
        age_band,
        CASE WHEN count(*) OVER alike < %(group_size)s THEN 'withheld' ELSE region END AS region,
        customer_type,
        segment,
        industry
    FROM age_withheld
    WINDOW alike AS (PARTITION BY age_band, region, customer_type, segment, industry)
),

all_withheld AS (
    SELECT
        pseudonym,
        age_band,
        region,
        CASE WHEN count(*) OVER alike < %(group_size)s THEN 'withheld' ELSE customer_type END AS customer_type,
        CASE WHEN count(*) OVER alike < %(group_size)s THEN 'withheld' ELSE segment END AS segment,
        industry
    FROM region_withheld
    WINDOW alike AS (PARTITION BY age_band, region, customer_type, segment, industry)
),

counted AS (
    SELECT
        pseudonym,
        age_band,
        region,
        customer_type,
        segment,
        industry,
        count(*) OVER (PARTITION BY age_band, region, customer_type, segment, industry) AS alike
    FROM all_withheld
),

enough AS (
    SELECT *
    FROM counted
    WHERE alike >= %(group_size)s
),

contacts AS (
    SELECT
        customer_id,
        sum(interactions) AS interactions
    FROM channel_totals
    GROUP BY customer_id
)

SELECT
    g.pseudonym,
    g.age_band,
    g.region,
    g.customer_type,
    g.segment,
    g.industry,
    CASE
        WHEN b.orders IS NULL THEN '0'
        WHEN b.orders < 2 THEN '1'
        WHEN b.orders < 5 THEN '2-4'
        WHEN b.orders < 20 THEN '5-19'
        ELSE '20+'
    END AS orders_band,
    CASE
        WHEN b.amount IS NULL THEN '0'
        WHEN b.amount < 100 THEN 'below 100'
        WHEN b.amount < 1000 THEN '100-999'
        WHEN b.amount < 10000 THEN '1000-9999'
        ELSE '10000+'
    END AS spend_band,
    CASE
        WHEN i.interactions IS NULL THEN '0'
        WHEN i.interactions < 5 THEN '1-4'
        WHEN i.interactions < 20 THEN '5-19'
        ELSE '20+'
    END AS contacts_band
FROM enough AS g
INNER JOIN pseudonyms USING (pseudonym)
LEFT JOIN customer_purchases AS b USING (customer_id)
LEFT JOIN contacts AS i USING (customer_id)

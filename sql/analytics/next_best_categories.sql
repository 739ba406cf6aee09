-- What will a customer buy next? A mixture of transitions (Raftery 1985): the distributions of what follows each of the
-- customer's last five purchases are averaged, each purchase weighing half of the one after it. A distribution that
-- rests on little is drawn towards the popularity of the categories, as if 20 more purchases that follow it were seen.
DROP FUNCTION IF EXISTS next_best_categories;
CREATE FUNCTION next_best_categories(customer text)
RETURNS TABLE (
    place bigint,
    category text,
    probability numeric,
    popularity numeric,
    bought_before boolean,
    evidence json
)
LANGUAGE sql STABLE
AS $$
WITH latest AS (
    SELECT
        p.category,
        power(0.5::double precision, row_number() OVER (ORDER BY p.occurred_at DESC, p.transaction_id DESC) - 1) AS weight
    FROM purchases AS p
    WHERE p.customer_id = customer AND p.category <> 'unknown' AND p.amount >= 0
    ORDER BY p.occurred_at DESC, p.transaction_id DESC
    LIMIT 5
),

recent AS (
    SELECT
        l.category AS from_category,
        count(*) AS purchases,
        sum(l.weight) / sum(sum(l.weight)) OVER () AS weight,
        coalesce((
            SELECT max(t.from_weight)
            FROM category_transitions AS t
            WHERE t.from_category = l.category
        ), 0) AS seen
    FROM latest AS l
    GROUP BY l.category
),

likely AS (
    SELECT
        p.category,
        p.share,
        coalesce(
            sum(l.weight * (coalesce(t.weight, 0) + 20 * p.share) / (l.seen + 20)), p.share
        ) AS probability,
        coalesce(
            json_agg(
                json_build_object(
                    'category', t.from_category,
                    'purchases', l.purchases,
                    'times', t.times,
                    'support', round(t.support::numeric, 6),
                    'confidence', round(t.confidence::numeric, 6),
                    'lift', round(t.lift::numeric, 6)
                )
                ORDER BY l.weight * t.confidence DESC, t.from_category ASC
            ) FILTER (WHERE t.from_category IS NOT NULL), '[]'
        ) AS evidence
    FROM category_popularity AS p
    LEFT JOIN recent AS l ON TRUE
    LEFT JOIN category_transitions AS t ON l.from_category = t.from_category AND p.category = t.to_category
    GROUP BY p.category, p.share
)

SELECT
    row_number() OVER (ORDER BY k.probability DESC, k.share DESC, k.category ASC) AS place,
    k.category,
    round(k.probability::numeric, 6) AS probability,
    round(k.share::numeric, 6) AS popularity,
    EXISTS (
        SELECT
        FROM category_amounts AS a
        WHERE a.customer_id = customer AND a.category = k.category
    ) AS bought_before,
    k.evidence
FROM likely AS k
$$;
COMMENT ON FUNCTION next_best_categories IS
'Every category with the probability that the customer buys it next (a repeat is possible), likeliest first (place), its popularity, whether the customer bought it before, and the evidence: for each category among the customer''s last five purchases, how many of them (purchases) and its row of category_transitions. Without purchases: the popularity alone, without evidence.';

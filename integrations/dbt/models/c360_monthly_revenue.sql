-- What each customer brought in per month (UTC).
select
    customer_id,
    cast(date_trunc('month', day) as date) as month,
    sum(revenue) as revenue,
    sum(interactions) as interactions
from {{ source('live_customer_360', 'daily_revenue') }}
group by customer_id, cast(date_trunc('month', day) as date)

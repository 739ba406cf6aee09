-- Customers whose months are not the sum of their days, or who have a month twice.
with days as (
    select customer_id, sum(revenue) as revenue
    from {{ source('live_customer_360', 'daily_revenue') }}
    group by customer_id
),

months as (
    select customer_id, sum(revenue) as revenue, count(*) - count(distinct month) as twice
    from {{ ref('c360_monthly_revenue') }}
    group by customer_id
)

select days.customer_id
from days
left join months on days.customer_id = months.customer_id
where months.revenue is distinct from days.revenue or months.twice > 0

-- One row per customer, without what says who it is.
with contacts as (
    select
        customer_id,
        sum(interactions) as interactions,
        min(first_at) as first_contact_at,
        max(last_at) as last_contact_at
    from {{ source('live_customer_360', 'channel_totals') }}
    group by customer_id
)

select
    c.customer_id,
    coalesce(c.customer_type, 'unknown') as customer_type,
    coalesce(c.segment, 'unknown') as segment,
    coalesce(c.industry, 'unknown') as industry,
    coalesce(c.country, 'unknown') as country,
    coalesce(p.orders, 0) as orders,
    coalesce(p.amount, 0) as lifetime_value,
    p.amount / p.orders as average_order,
    p.first_purchase_date,
    p.last_purchase_date,
    coalesce(t.interactions, 0) as interactions,
    t.first_contact_at,
    t.last_contact_at
from {{ source('live_customer_360', 'customers') }} as c
left join {{ source('live_customer_360', 'customer_purchases') }} as p on c.customer_id = p.customer_id
left join contacts as t on c.customer_id = t.customer_id

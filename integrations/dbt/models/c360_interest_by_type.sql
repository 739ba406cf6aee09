-- What customers of each type talk about.
select
    customer_type,
    product,
    interactions,
    customers,
    interactions / sum(interactions) over (partition by customer_type) as share
from {{ source('live_customer_360', 'product_interest') }}

DROP TABLE reattribution, rejected_events, product_interest_parts, topic_totals, channel_totals, interactions,
product_discussions, channels, customers, positions CASCADE;

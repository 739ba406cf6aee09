DROP TABLE reattribution, rejected_events, transactions, interactions, product_discussions, products, channels,
customer_segments, customers, positions CASCADE;

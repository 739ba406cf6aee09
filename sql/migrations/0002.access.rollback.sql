DROP INDEX transactions_by_time, customers_in_order;
DROP TABLE api_writes, api_tokens;

DROP INDEX interactions_by_customer;
CREATE INDEX interactions_by_customer ON interactions (customer_id);
ALTER TABLE positions DROP COLUMN newest_event_at;
DELETE FROM api_writes
WHERE answer IS NULL;
ALTER TABLE api_writes ALTER COLUMN answer SET NOT NULL;

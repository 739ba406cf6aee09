-- Who was forgotten stays forgotten when the topics are read again.
-- depends: 0002.access

CREATE TABLE forgotten_customers (
    customer_hash bytea NOT NULL CHECK (length(customer_hash) = 32),
    topic text NOT NULL,
    partition smallint NOT NULL,
    topic_id text NOT NULL,
    before_offset bigint NOT NULL,
    anonymous_id text,
    PRIMARY KEY (topic, partition, topic_id, customer_hash, before_offset)
);
COMMENT ON TABLE forgotten_customers IS
'How far each topic had been read when a customer was forgotten: what stands before, and is read again, is not the customer''s any more.';
COMMENT ON COLUMN forgotten_customers.customer_hash IS 'SHA-256 of the customer_id: recognises, but does not tell.';
COMMENT ON COLUMN forgotten_customers.topic IS 'A topic that may name the customer.';
COMMENT ON COLUMN forgotten_customers.partition IS 'Partition number in that topic.';
COMMENT ON COLUMN forgotten_customers.topic_id IS 'Kafka''s id of the topic: offsets of another one mean nothing.';
COMMENT ON COLUMN forgotten_customers.before_offset IS
'First offset that was not read by then; on topic customers, the one after the tombstone.';
COMMENT ON COLUMN forgotten_customers.anonymous_id IS 'The customer_id that took over; null: the facts were removed.';

-- Facts as they were told, and the position up to which they are complete; the running totals over them are in
-- totals/. Every unit of work changes all three in one transaction (docs/commit.md).

CREATE TABLE positions (
    topic text NOT NULL,
    partition smallint NOT NULL,
    cluster_id text NOT NULL,
    topic_id text NOT NULL,
    next_offset bigint NOT NULL,
    owner uuid,
    new bigint NOT NULL DEFAULT 0,
    repeated bigint NOT NULL DEFAULT 0,
    corrected bigint NOT NULL DEFAULT 0,
    withdrawn bigint NOT NULL DEFAULT 0,
    rejected bigint NOT NULL DEFAULT 0,
    skipped bigint NOT NULL DEFAULT 0,
    committed_at timestamptz NOT NULL DEFAULT now(),
    retired_at timestamptz,
    PRIMARY KEY (topic, partition, topic_id)
);
CREATE UNIQUE INDEX positions_live ON positions (topic, partition) WHERE retired_at IS NULL;
COMMENT ON TABLE positions IS
'Per topic partition, the offset to read next and what became of those before it: next_offset = new + repeated + corrected + withdrawn + rejected + skipped. The processors seek here, not to the offsets committed to Kafka.';
COMMENT ON COLUMN positions.cluster_id IS 'Id of the Kafka cluster; another one under the same address is refused.';
COMMENT ON COLUMN positions.topic_id IS 'Kafka''s id of the topic; a topic deleted and created again has a new one and is refused until adopted.';
COMMENT ON COLUMN positions.next_offset IS 'First offset not yet read; a unit of work commits only if this is still the offset it started from.';
COMMENT ON COLUMN positions.owner IS
'The assignment that may write: set when a worker is given the partition, so that whoever had it before is refused.';
COMMENT ON COLUMN positions.new IS 'Events that told a fact for the first time.';
COMMENT ON COLUMN positions.repeated IS 'Events that changed nothing: told again, or a withdrawal of what is not there.';
COMMENT ON COLUMN positions.corrected IS 'Events that replaced an earlier version of their fact.';
COMMENT ON COLUMN positions.withdrawn IS 'Tombstones that took a fact away.';
COMMENT ON COLUMN positions.rejected IS 'Events refused; each is a row of rejected_events.';
COMMENT ON COLUMN positions.skipped IS 'Offsets that hold no record: compacted away, or control records of transactions.';
COMMENT ON COLUMN positions.committed_at IS 'When the last unit of work of this partition committed (UTC).';
COMMENT ON COLUMN positions.retired_at IS 'Set when the topic was replaced by a new one and its successor adopted (UTC).';

CREATE TABLE customers (
    customer_id text PRIMARY KEY,
    first_name text,
    last_name text,
    email text,
    phone text,
    address text,
    date_of_birth date,
    account_balance numeric,
    occupation text,
    customer_type text,
    segment text,
    industry text,
    country text,
    account_id text,
    created_at timestamptz,
    partition smallint NOT NULL
);
COMMENT ON TABLE customers IS
'What the customers stream says of each customer: events merged in the order of their offsets. A customer who is only named by facts has no row here.';
COMMENT ON COLUMN customers.account_balance IS 'In the account''s own currency.';
COMMENT ON COLUMN customers.created_at IS 'When the source says the customer came into being (UTC).';
COMMENT ON COLUMN customers.partition IS 'Partition number of the customer''s key, the same in every customer-keyed topic.';

CREATE TABLE customer_segments (
    customer_id text NOT NULL,
    changed_at timestamptz NOT NULL,
    segment text,
    PRIMARY KEY (customer_id, changed_at)
);
COMMENT ON TABLE customer_segments IS
'Facts: each segment that the customers stream told of a customer, where it differs from the one before.';
COMMENT ON COLUMN customer_segments.changed_at IS
'When the event was written to its topic (UTC); a microsecond later than the one before where those are equal.';
COMMENT ON COLUMN customer_segments.segment IS 'Null: the segment was cleared.';

CREATE TABLE channels (
    channel text PRIMARY KEY,
    first_at timestamptz,
    name text,
    channel_type text,
    unit_price numeric,
    told boolean NOT NULL DEFAULT FALSE
);
COMMENT ON TABLE channels IS 'Every channel that any interaction has named, or that the channels stream has told.';
COMMENT ON COLUMN channels.first_at IS
'Earliest occurred_at ever told for the channel (UTC), withdrawn or not: the order in which channels are listed.';
COMMENT ON COLUMN channels.unit_price IS 'EUR per interaction.';
COMMENT ON COLUMN channels.told IS 'Whether the channels stream has told it: else it is here because interactions named it.';

CREATE TABLE products (
    product_id text PRIMARY KEY,
    name text,
    category text,
    price numeric
);
COMMENT ON TABLE products IS 'What the products stream says: the last event of each product; a retired product has no row.';

CREATE TABLE product_discussions (
    month date NOT NULL CHECK (extract(DAY FROM month) = 1),
    product text NOT NULL,
    PRIMARY KEY (month, product)
);
COMMENT ON TABLE product_discussions IS
'In this month (its first day, UTC) this product was the topic of discussion; an interaction without a product belongs to every product of its month.';

CREATE TABLE interactions (
    event_id uuid PRIMARY KEY,
    occurred_at timestamptz NOT NULL,
    count integer NOT NULL,
    partition smallint NOT NULL,
    customer_id text NOT NULL,
    channel text NOT NULL,
    product text,
    revenue numeric,
    source_id text
);
CREATE INDEX interactions_by_customer ON interactions (customer_id);
CREATE INDEX interactions_by_time ON interactions USING brin (occurred_at);
COMMENT ON TABLE interactions IS 'Facts: one row per interaction event_id, in its last version.';
COMMENT ON COLUMN interactions.event_id IS 'events.identity.fact_id of the event''s id.';
COMMENT ON COLUMN interactions.count IS 'How many contacts this fact stands for.';
COMMENT ON COLUMN interactions.partition IS 'Partition number of the customer''s key.';
COMMENT ON COLUMN interactions.product IS 'As told; null: every product discussed in the month of occurred_at (UTC).';
COMMENT ON COLUMN interactions.revenue IS 'EUR, or null.';
COMMENT ON COLUMN interactions.source_id IS 'The event''s id as told, where it is not a UUID.';
COMMENT ON INDEX interactions_by_customer IS 'Timelines, corrections that touch a first or last moment, and forgetting.';
COMMENT ON INDEX interactions_by_time IS 'A discussion month that comes late re-attributes the interactions of that month.';

CREATE TABLE transactions (
    transaction_id uuid PRIMARY KEY,
    occurred_at timestamptz NOT NULL,
    quantity integer NOT NULL,
    partition smallint NOT NULL,
    customer_id text NOT NULL,
    product_id text,
    category text,
    amount numeric NOT NULL,
    currency text NOT NULL,
    source_id text
);
CREATE INDEX transactions_by_customer ON transactions (customer_id, occurred_at);
CREATE INDEX transactions_by_product ON transactions (product_id, customer_id);
COMMENT ON TABLE transactions IS 'Facts: one row per transaction_id, in its last version.';
COMMENT ON COLUMN transactions.transaction_id IS 'events.identity.fact_id of the event''s id.';
COMMENT ON COLUMN transactions.quantity IS 'Units bought.';
COMMENT ON COLUMN transactions.partition IS 'Partition number of the customer''s key.';
COMMENT ON COLUMN transactions.category IS 'As told; null: the category of the product.';
COMMENT ON COLUMN transactions.amount IS 'Of all units together, in the currency of the row; negative for refunds.';
COMMENT ON COLUMN transactions.currency IS 'ISO 4217.';
COMMENT ON COLUMN transactions.source_id IS 'The event''s id as told, where it is not a UUID.';
COMMENT ON INDEX transactions_by_customer IS
'Timelines, forgetting, and whether a customer bought on a day before: distinct customers per day.';
COMMENT ON INDEX transactions_by_product IS
'Whether a customer bought a product before: distinct customers per product; and re-attribution when its category changes.';

CREATE TABLE rejected_events (
    reject_id uuid PRIMARY KEY,
    topic text NOT NULL,
    partition smallint NOT NULL,
    "offset" bigint NOT NULL,
    stream text NOT NULL,
    source text,
    place text,
    field text,
    reason text NOT NULL,
    key bytea,
    value bytea,
    headers jsonb NOT NULL DEFAULT '[]',
    rejected_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX rejected_events_by_time ON rejected_events (rejected_at);
COMMENT ON TABLE rejected_events IS
'Everything that was refused, with its original bytes: records that break a contract, and rows of sources that could not become events.';
COMMENT ON COLUMN rejected_events.reject_id IS 'Same record or same row of a source, same id: refused twice, listed once.';
COMMENT ON COLUMN rejected_events.topic IS 'Where the record was read; rejected_events for rows refused before they became events.';
COMMENT ON COLUMN rejected_events.stream IS 'The stream that it was meant for.';
COMMENT ON COLUMN rejected_events.source IS 'File or URL of a refused row, else null.';
COMMENT ON COLUMN rejected_events.place IS 'Place of the row in its source, such as: sheet ''Customers'', row 12.';
COMMENT ON COLUMN rejected_events.field IS 'JSONPath of the offending field, or name of the offending column.';
COMMENT ON COLUMN rejected_events.headers IS 'Record headers: list of [name, value].';
COMMENT ON INDEX rejected_events_by_time IS 'The latest refusals first, for people.';

CREATE TABLE reattribution (
    only_row boolean PRIMARY KEY DEFAULT TRUE CHECK (only_row),
    epoch bigint NOT NULL
);
INSERT INTO reattribution (epoch) VALUES (0);
COMMENT ON TABLE reattribution IS
'Counts the changes that moved totals of many customers at once; a worker that sees a new epoch forgets the totals it holds in memory.';

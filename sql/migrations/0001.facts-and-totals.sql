-- Facts as they were told, running totals over them, and the position up to which both are complete.
-- Every unit of work changes all three in one transaction (docs/commit.md).

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

CREATE TABLE channels (
    channel text PRIMARY KEY,
    first_at timestamptz NOT NULL
);
COMMENT ON TABLE channels IS 'Every channel that any interaction has named.';
COMMENT ON COLUMN channels.first_at IS
'Earliest occurred_at ever told for the channel (UTC), withdrawn or not: the order in which channels are listed.';

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

-- Running totals are updated in place all the time: room on each page keeps those updates off the indices (HOT).
CREATE TABLE channel_totals (
    customer_id text NOT NULL,
    channel text NOT NULL,
    interactions bigint NOT NULL,
    revenue numeric NOT NULL,
    first_at timestamptz NOT NULL,
    last_at timestamptz NOT NULL,
    PRIMARY KEY (customer_id, channel)
) WITH (fillfactor = 50);
COMMENT ON TABLE channel_totals IS 'Running total per customer and channel.';
COMMENT ON COLUMN channel_totals.interactions IS 'Sum of the counts.';
COMMENT ON COLUMN channel_totals.revenue IS 'Sum of the revenues in EUR; 0 where none was told.';
COMMENT ON COLUMN channel_totals.first_at IS 'Earliest occurred_at (UTC).';
COMMENT ON COLUMN channel_totals.last_at IS 'Latest occurred_at (UTC).';

CREATE TABLE topic_totals (
    customer_id text NOT NULL,
    channel text NOT NULL,
    product text NOT NULL,
    interactions bigint NOT NULL,
    partition smallint NOT NULL,
    PRIMARY KEY (customer_id, channel, product, partition)
) WITH (fillfactor = 50);
COMMENT ON TABLE topic_totals IS
'Running total per customer, channel and product talked about: the product that the interaction names, else every product discussed in its month.';
COMMENT ON COLUMN topic_totals.interactions IS 'Sum of the counts.';
COMMENT ON COLUMN topic_totals.partition IS 'Partition number of the customer''s key.';

CREATE TABLE product_interest_parts (
    customer_type text NOT NULL,
    product text NOT NULL,
    partition smallint NOT NULL,
    interactions bigint NOT NULL,
    customers bigint NOT NULL,
    PRIMARY KEY (customer_type, product, partition)
) WITH (fillfactor = 50);
COMMENT ON TABLE product_interest_parts IS
'Running total per customer type and product, one partial row per partition number so that no two workers wait for one row; read it through the view product_interest.';
COMMENT ON COLUMN product_interest_parts.customer_type IS 'Type of the customer, ''unknown'' until the customers stream tells it.';
COMMENT ON COLUMN product_interest_parts.customers IS 'How many customers of that type and partition talked about the product.';

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

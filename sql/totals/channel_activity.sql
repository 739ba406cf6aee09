-- How often were all customers together in touch on each channel?
CREATE TABLE IF NOT EXISTS channel_activity_parts (
    channel text NOT NULL,
    partition smallint NOT NULL,
    interactions bigint NOT NULL,
    PRIMARY KEY (channel, partition)
) WITH (fillfactor = 50);
COMMENT ON TABLE channel_activity_parts IS
'Running total per channel, one partial row per partition number; read it through the view channel_activity.';
COMMENT ON COLUMN channel_activity_parts.channel IS 'What customers were in touch on.';
COMMENT ON COLUMN channel_activity_parts.partition IS 'Partition number of the customers'' keys that the row adds up.';
COMMENT ON COLUMN channel_activity_parts.interactions IS 'Sum of the counts.';

CREATE OR REPLACE VIEW channel_activity_parts_from_facts AS
SELECT
    channel,
    partition,
    sum(count)::bigint AS interactions
FROM interactions
GROUP BY channel, partition;
COMMENT ON VIEW channel_activity_parts_from_facts IS 'The question that channel_activity answers, asked of the facts.';

CREATE OR REPLACE VIEW channel_activity AS
SELECT
    channel,
    sum(interactions)::bigint AS interactions
FROM channel_activity_parts
GROUP BY channel;
COMMENT ON VIEW channel_activity IS 'Interactions of all customers per channel.';
COMMENT ON COLUMN channel_activity.channel IS 'What customers were in touch on.';
COMMENT ON COLUMN channel_activity.interactions IS 'Sum of the counts.';

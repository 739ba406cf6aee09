-- depends: 0002.access
-- With how many partitions a topic was counted: adding some moves customers to other owners.

ALTER TABLE positions ADD COLUMN partitions integer CHECK (partitions > 0);
COMMENT ON COLUMN positions.partitions IS 'Partitions of the topic when a processor last claimed this one; null before the first claim.';

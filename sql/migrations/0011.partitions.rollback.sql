ALTER TABLE positions DROP COLUMN partitions;

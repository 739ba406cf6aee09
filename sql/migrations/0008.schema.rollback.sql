ALTER TABLE reattribution DROP COLUMN schema;

-- depends: 0001.facts

ALTER TABLE reattribution ADD COLUMN schema text;
COMMENT ON COLUMN reattribution.schema IS
'Digest of the migrations and totals that the database was last brought to, or ''being migrated''; a processor with others in it stops.';

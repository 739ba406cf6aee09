-- Which migrations does this database have? (Table of the migration library.)
SELECT migration_id
FROM _yoyo_migration

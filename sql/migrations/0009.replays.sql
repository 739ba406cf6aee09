-- Which loads were made into the topics, so that one can be listed, repeated and verified.
-- depends: 0002.access

CREATE TABLE replay_manifests (
    replay_id text PRIMARY KEY,
    started_at timestamptz NOT NULL,
    manifest jsonb NOT NULL
);
COMMENT ON TABLE replay_manifests IS
'One row per replay or pull that was told with this database at hand: what was read, by which mapping, and where in the topics it went. Holds names of files, no contents.';
COMMENT ON COLUMN replay_manifests.replay_id IS 'When it began (UTC), and a few random digits: as people type it.';
COMMENT ON COLUMN replay_manifests.started_at IS 'When it began (UTC).';
COMMENT ON COLUMN replay_manifests.manifest IS 'c360.manifests.Manifest as JSON (docs/replays.md).';

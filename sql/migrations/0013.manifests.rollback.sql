COMMENT ON TABLE replay_manifests IS
'One row per replay or pull that was told with this database at hand: what was read, by which mapping, and where in the topics it went. Holds names of files, no contents.';
COMMENT ON COLUMN replay_manifests.manifest IS 'c360.manifests.Manifest as JSON (docs/replays.md).';

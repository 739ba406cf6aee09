-- The API leaves manifests, too; what they say is told in the documents, not by the name of a class.
-- depends: 0011.search

COMMENT ON TABLE replay_manifests IS
'One row per replay or pull, by command or asked of the API, that was told with this database at hand: what was read, by which mapping, and where in the topics it went. Holds names of files, no contents.';
COMMENT ON COLUMN replay_manifests.manifest IS 'As JSON: docs/replays.md says what its fields mean.';

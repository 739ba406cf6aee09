-- Keep what is known of a replay.
-- Parameters: replay_id, started_at, manifest.
INSERT INTO replay_manifests (replay_id, started_at, manifest)
VALUES (%(replay_id)s, %(started_at)s, %(manifest)s)
ON CONFLICT (replay_id) DO UPDATE SET manifest = excluded.manifest

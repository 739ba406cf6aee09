-- What is known of every replay?
SELECT manifest::text
FROM replay_manifests
ORDER BY started_at

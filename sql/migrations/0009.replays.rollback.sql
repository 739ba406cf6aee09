DROP TABLE replay_manifests;

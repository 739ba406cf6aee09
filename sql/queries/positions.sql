-- How far is each partition, and how many seconds ago did it last move?
SELECT
    topic,
    partition,
    next_offset,
    committed_at,
    greatest(0, extract(EPOCH FROM clock_timestamp() - committed_at))::float AS age
FROM positions
WHERE retired_at IS NULL

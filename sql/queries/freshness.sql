-- How far is each partition of the topics that are read, and how fresh?
SELECT
    topic,
    partition,
    next_offset,
    newest_event_at,
    committed_at,
    new + repeated + corrected + withdrawn + rejected AS events,
    rejected
FROM positions
WHERE retired_at IS NULL

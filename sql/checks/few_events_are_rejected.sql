-- Of each topic, at most one event in twenty is refused.
-- level: warn
-- remedy: `c360 rejects` lists what was refused and why; mend the mapping or the producer, then `c360 rejects replay`.
-- kept: topic, events, rejected
SELECT
    topic,
    sum(next_offset - skipped) AS events,
    sum(rejected) AS rejected
FROM positions
WHERE retired_at IS NULL AND topic <> 'rejected_events'
GROUP BY topic
HAVING sum(rejected) * 20 > sum(next_offset - skipped)

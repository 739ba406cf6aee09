-- Every offset that was read has an outcome: new, repeated, corrected, withdrawn, rejected or skipped.
-- level: error
-- remedy: Stop the processors and rebuild from the topics (`c360 rebuild --facts`); report it, as this must not
-- happen.
-- kept: topic, partition, next_offset, accounted
SELECT
    topic,
    partition,
    next_offset,
    new + repeated + corrected + withdrawn + rejected + skipped AS accounted
FROM positions
WHERE
    retired_at IS NULL
    AND next_offset <> new + repeated + corrected + withdrawn + rejected + skipped

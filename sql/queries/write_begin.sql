-- Begin the request that carries this key, and forget those that are older than a day. A row changes if it is ours to
-- answer: of several at once the first one is, and one that was begun a minute ago and never answered may be begun again.
-- Parameters: token_id, idempotency_key, request_hash.
WITH outdated AS (
    DELETE FROM api_writes
    WHERE
        answered_at < now() - interval '1 day'
        AND (token_id, idempotency_key) <> (%(token_id)s, %(idempotency_key)s)
)

INSERT INTO api_writes AS w (token_id, idempotency_key, request_hash)
VALUES (%(token_id)s, %(idempotency_key)s, %(request_hash)s)
ON CONFLICT (token_id, idempotency_key) DO UPDATE
    SET
        request_hash = excluded.request_hash,
        answer = NULL,
        answered_at = now()
    WHERE w.answered_at < now() - CASE WHEN w.answer IS NULL THEN interval '1 minute' ELSE interval '1 day' END

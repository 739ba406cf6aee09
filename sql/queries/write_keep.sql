-- Remember an answer, and forget those that are older than a day. Of two at once the first one stays.
-- Parameters: token_id, idempotency_key, request_hash, answer.
WITH outdated AS (
    DELETE FROM api_writes
    WHERE answered_at < now() - interval '1 day'
)

INSERT INTO api_writes (token_id, idempotency_key, request_hash, answer)
VALUES (%(token_id)s, %(idempotency_key)s, %(request_hash)s, %(answer)s::jsonb)
ON CONFLICT (token_id, idempotency_key) DO NOTHING

-- What was answered to the request that carried this key? Null while it is under way.
-- Parameters: token_id, idempotency_key.
SELECT
    request_hash,
    answer
FROM api_writes
WHERE token_id = %(token_id)s AND idempotency_key = %(idempotency_key)s

-- Forget a request that failed: whoever sends it again begins anew.
-- Parameters: token_id, idempotency_key.
DELETE FROM api_writes
WHERE token_id = %(token_id)s AND idempotency_key = %(idempotency_key)s AND answer IS NULL

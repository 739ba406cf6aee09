-- Remember what was answered to the request that carried this key.
-- Parameters: token_id, idempotency_key, answer.
UPDATE api_writes SET answer = %(answer)s::jsonb, answered_at = now()
WHERE token_id = %(token_id)s AND idempotency_key = %(idempotency_key)s

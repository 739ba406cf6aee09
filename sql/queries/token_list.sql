-- Which tokens are there? Newest first.
SELECT
    token_id,
    name,
    scopes,
    created_at,
    revoked_at
FROM api_tokens
ORDER BY created_at DESC, token_id ASC

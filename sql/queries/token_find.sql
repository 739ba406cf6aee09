-- Which token has this public id? Revoked ones too: they are refused where unknown ones are.
-- Parameters: token_id.
SELECT
    token_id,
    name,
    hash,
    scopes,
    revoked_at IS NOT NULL AS revoked
FROM api_tokens
WHERE token_id = %(token_id)s

-- Revoke the token of this name or public id.
-- Parameters: name_or_id.
UPDATE api_tokens SET revoked_at = now()
WHERE (name = %(name_or_id)s OR token_id = %(name_or_id)s) AND revoked_at IS NULL

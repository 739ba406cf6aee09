-- Keep a new token.
-- Parameters: token_id, name, hash, scopes.
INSERT INTO api_tokens (token_id, name, hash, scopes)
VALUES (%(token_id)s, %(name)s, %(hash)s, %(scopes)s)

-- What the API needs beside the facts: who may ask, and lists in order.

CREATE TABLE api_tokens (
    token_id text PRIMARY KEY,
    name text NOT NULL,
    hash bytea NOT NULL CHECK (length(hash) = 32),
    scopes text[] NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    revoked_at timestamptz
);
CREATE UNIQUE INDEX api_tokens_live ON api_tokens (name) WHERE revoked_at IS NULL;
COMMENT ON TABLE api_tokens IS 'Bearer tokens of the API; only the hash of the secret part is kept.';
COMMENT ON COLUMN api_tokens.token_id IS 'The public part of the token: stands in logs and lists.';
COMMENT ON COLUMN api_tokens.name IS 'Who or what uses it, for people; of the tokens that are not revoked each has its own.';
COMMENT ON COLUMN api_tokens.hash IS 'SHA-256 of the secret part, which is 32 random bytes.';
COMMENT ON COLUMN api_tokens.scopes IS 'What it may do: read, ingest, personal-data, admin.';
COMMENT ON COLUMN api_tokens.revoked_at IS 'Set when it was revoked (UTC); it is answered as one that never was.';

CREATE TABLE api_writes (
    token_id text NOT NULL,
    idempotency_key text NOT NULL,
    request_hash bytea NOT NULL,
    answer jsonb NOT NULL,
    answered_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (token_id, idempotency_key)
);
CREATE INDEX api_writes_by_time ON api_writes (answered_at);
COMMENT ON TABLE api_writes IS 'Answers to requests that carried an Idempotency-Key, for whoever asks again; kept for a day.';
COMMENT ON COLUMN api_writes.token_id IS 'Whose key it is.';
COMMENT ON COLUMN api_writes.request_hash IS 'SHA-256 of path and body: the same key with another request is refused.';
COMMENT ON COLUMN api_writes.answer IS 'What was answered.';
COMMENT ON INDEX api_writes_by_time IS 'Removing what is older than a day.';

CREATE INDEX customers_in_order ON customers (length(customer_id), customer_id);
COMMENT ON INDEX customers_in_order IS 'The list of customers by keyset.';
CREATE INDEX transactions_by_time ON transactions USING brin (occurred_at);
COMMENT ON INDEX transactions_by_time IS 'Sales of products in a period.';

"""Who may ask, and for what: tokens, their scopes, and the caller that every endpoint gets to know."""

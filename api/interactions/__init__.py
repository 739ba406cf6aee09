"""How often a customer was in touch, per channel."""

"""Networks that can be cut before any of their stages."""

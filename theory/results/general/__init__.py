"""Results about every normalizer, and those that no single paper states."""

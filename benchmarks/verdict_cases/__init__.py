"""Layers that are right, in random settings, and layers that are wrong, each by one change."""

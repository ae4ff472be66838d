"""Runs on disk: their configuration, their records, and how they are made and resumed."""

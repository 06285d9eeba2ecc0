"""Curriculum training of multi-task models: one task at a time, and no lies about how it went."""

__version__ = "0.1.0"

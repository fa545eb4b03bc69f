"""Samples what a server tells of its work after a migration, and judges it."""

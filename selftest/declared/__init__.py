"""Selftests of what a migration declares to have changed."""

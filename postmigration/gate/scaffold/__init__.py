"""Writes a project that judges one migration."""

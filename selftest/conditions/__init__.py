"""Hostile conditions: what a run ends with under each, what it leaves behind, and which selftest proves it."""

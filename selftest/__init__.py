"""Proof that the engine and the checks are right."""

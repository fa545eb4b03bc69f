"""A server reached, read and described."""

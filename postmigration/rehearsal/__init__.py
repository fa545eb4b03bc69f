"""A migration and its ways back, tried on a copy before anybody touches what they are meant for."""

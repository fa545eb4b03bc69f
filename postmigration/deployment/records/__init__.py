"""Records of what the commands came to: what they hold, and where they are kept."""

"""What a user calls: pytest's plugin, its options and the databases of one run."""

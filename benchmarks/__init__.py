"""What is claimed about speed, reproducible in one command beside its peers."""

"""A comparison that takes hours: range by range, with a file by which it goes on after a crash."""

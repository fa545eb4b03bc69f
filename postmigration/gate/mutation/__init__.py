"""Sessions of mutation tests: checks run on databases of our own, in which faults are planted."""

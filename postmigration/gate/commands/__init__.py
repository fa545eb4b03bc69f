"""The command line `postmigration`, a module for each command."""

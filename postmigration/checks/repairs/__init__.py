"""Repairs that findings print: SQL for a person to read, decide on and run. Nothing here runs any of it."""

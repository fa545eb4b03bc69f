"""The statements that the application sends, and whether they still run: tried, and none is executed."""

"""Traces where the rows and columns of a database went in a migration."""

"""What concerns a database and stands in none of its schemas: replication, sessions, jobs, roles, the server."""

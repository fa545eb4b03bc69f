"""What a session keeps to: how long its statements and the whole run may take, and under which settings."""

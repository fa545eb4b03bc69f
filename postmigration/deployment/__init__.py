"""The deployment plan: what is proven of it by records of commands, what a person signed, and what that comes to."""

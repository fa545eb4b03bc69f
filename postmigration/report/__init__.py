"""What people, pipelines and machines read of a run: each form is made from the same validation."""

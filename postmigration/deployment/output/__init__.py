"""What a plan leaves for its readers: a page, a summary and an object for programs."""

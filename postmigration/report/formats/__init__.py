"""A validation as text, HTML, JUnit XML, JSON, Markdown and CSV."""

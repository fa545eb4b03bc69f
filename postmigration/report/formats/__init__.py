"""The record of a run as text, HTML, JUnit XML, JSON, Markdown and CSV."""

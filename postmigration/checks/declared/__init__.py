"""The built-in checks of what a project declares: they join those of every project, and know no application."""

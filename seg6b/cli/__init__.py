"""Command line: one file a command; parses, calls, prints. The only home of Typer."""

"""`python -m cli` runs the command line."""

from cli.main import run_command_line

run_command_line()

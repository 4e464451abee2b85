"""The command line: parse, call, render. Commands import what they need when they run, so that --help is instant."""

from agent.cli.main import main

__all__ = ["main"]

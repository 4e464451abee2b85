"""Sole reader and writer of the user's files: roadmap, notes, sessions, and the records below `progress/`."""

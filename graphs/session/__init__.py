"""Drafting a day's session: draft, verify, gate (a human), apply."""

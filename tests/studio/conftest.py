"""The marker of tests that need the extra `studio`."""

import pytest


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker."""
    config.addinivalue_line("markers", "studio: drives `langgraph dev` (needs the extra `studio`)")

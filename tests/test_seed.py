"""The roadmap at the top of the project is the user's own, byte for byte."""

import hashlib
from pathlib import Path

GIVEN = "20be8a0723be59fc9bf385106dc1e58dfcf93a693784ec9cc4d2be61ebea55c3"


def test_the_shipped_roadmap_is_the_given_one() -> None:
    data = (Path(__file__).parents[1] / "roadmap.md").read_bytes()
    assert hashlib.sha256(data).hexdigest() == GIVEN

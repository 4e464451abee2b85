"""Levels of the skill matrix."""

from enum import IntEnum


class Level(IntEnum):
    """L0 (heard of it) to L5 (design-level authority), as the roadmap's own "Levels" section defines them."""

    L0 = 0
    L1 = 1
    L2 = 2
    L3 = 3
    L4 = 4
    L5 = 5

    @classmethod
    def parse(cls, text: str) -> "Level":
        """Read `L0` … `L5`, in any case and with markdown emphasis around it.

        Raises:
            ValueError: the text is no level.
        """
        name = text.strip().strip("*_` ").upper()
        if name not in cls.__members__:
            raise ValueError(f"{text!r} is not a level (L0 to L5)")
        return cls[name]

    def __str__(self) -> str:
        return self.name

"""What a promotion does to a row: statuses move forward, unknown words stay."""

from agent.domain.level import Level

_KNOWN = ("planned", "learning", "verified")


def status_after(status: str, to_level: Level) -> str:
    """Give the status cell after an approved level.

    `Planned` and `Learning` become `Verified` once a level is approved; a demotion to L0 gives `Learning`.
    Words of the user's own stay as they are.
    """
    if status.strip().casefold() not in (*_KNOWN, "", "-"):
        return status
    return "Verified" if to_level > Level.L0 else "Learning"

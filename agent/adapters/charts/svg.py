"""A picture as SVG text: one card, system fonts, light and dark by itself, no script, nothing fetched."""

from collections.abc import Iterable, Sequence
from html import escape

from agent.domain.level import Level
from agent.domain.text import one_line

WIDTH = 920
MARGIN = 28
TOP = 74  # below title and legend
_LIGHT = {
    "card": "#ffffff", "edge": "#d5dbe1", "ink": "#1c2530", "soft": "#5b6875", "line": "#e6eaee",
    "L0": "#eceff2", "L1": "#cdeae2", "L2": "#93d3c1", "L3": "#4bb09a", "L4": "#1c8473", "L5": "#0a554b",
    "t0": "#74808c", "t1": "#12564b", "t2": "#0b463d", "t3": "#04231e", "t4": "#ffffff", "t5": "#ffffff",
}  # fmt: skip
_DARK = {
    "card": "#0f151c", "edge": "#2b333c", "ink": "#e7edf3", "soft": "#93a0ad", "line": "#222a32",
    "L0": "#1f262e", "L1": "#173f39", "L2": "#1d6053", "L3": "#2b8a76", "L4": "#55bfa6", "L5": "#a8ecd8",
    "t0": "#82909d", "t1": "#a4e3d2", "t2": "#d6fbf0", "t3": "#ffffff", "t4": "#05241f", "t5": "#05241f",
}  # fmt: skip
_FONT = "-apple-system,BlinkMacSystemFont,'Segoe UI','Noto Sans',Helvetica,Arial,sans-serif"


def _style() -> str:
    def variables(palette: dict[str, str]) -> str:
        rules = [f".{name}{{fill:{color}}}" for name, color in palette.items()]
        strokes = [f".s-{name}{{stroke:{palette[name]};fill:none}}" for name in ("edge", "line", "soft", "L3")]
        return "".join([*rules, *strokes])

    sizes = ".h{font-size:17px;font-weight:650}.b{font-size:13px;font-weight:600}.m{font-size:12px}.x{font-size:11px}"
    dark = f"@media (prefers-color-scheme:dark){{{variables(_DARK)}}}"
    return f"text{{font-family:{_FONT};dominant-baseline:central}}{sizes}{variables(_LIGHT)}{dark}"


def picture(title: str, subtitle: str, height: float, body: Iterable[str], *, legend: bool = True) -> str:
    """Put the parts of a picture on a card; `subtitle` is also its description for screen readers."""
    tall = round(height)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {tall}" width="{WIDTH}" height="{tall}" '
        f'role="img" aria-labelledby="t d">',
        f'<title id="t">{_safe(title)}</title>',
        f'<desc id="d">{_safe(subtitle)}</desc>',
        f"<style>{_style()}</style>",
        f'<rect class="card" x="0.5" y="0.5" width="{WIDTH - 1}" height="{tall - 1}" rx="12"/>',
        f'<rect class="s-edge" x="0.5" y="0.5" width="{WIDTH - 1}" height="{tall - 1}" rx="12"/>',
        text(MARGIN, 30, title, "h ink"),
        text(MARGIN, 52, subtitle, "m soft"),
        *(_legend() if legend else ()),
        *body,
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _legend() -> Iterable[str]:
    levels = list(Level)
    for place, level in enumerate(levels):
        x = WIDTH - MARGIN - (len(levels) - place) * 34
        yield rect(x, 20, 30, 20, str(level), radius=5)
        yield text(x + 15, 30.5, str(level), f"x t{int(level)}", anchor="middle")


def rect(x: float, y: float, width: float, height: float, css: str, *, radius: float = 0, tip: str = "") -> str:
    """Draw a rectangle; `tip` is shown while the pointer is on it, where the picture is opened by itself."""
    shape = f'<rect class="{css}" x="{n(x)}" y="{n(y)}" width="{n(width)}" height="{n(height)}" rx="{n(radius)}"'
    return f"{shape}><title>{_safe(tip)}</title></rect>" if tip else f"{shape}/>"


def line(x1: float, y1: float, x2: float, y2: float, css: str = "s-line", *, width: float = 1) -> str:
    """Draw a line."""
    return f'<line class="{css}" x1="{n(x1)}" y1="{n(y1)}" x2="{n(x2)}" y2="{n(y2)}" stroke-width="{n(width)}"/>'


def circle(x: float, y: float, radius: float, css: str) -> str:
    """Draw a circle."""
    return f'<circle class="{css}" cx="{n(x)}" cy="{n(y)}" r="{n(radius)}"/>'


def polygon(points: Sequence[tuple[float, float]], css: str) -> str:
    """Draw a filled area."""
    return f'<polygon class="{css}" points="{" ".join(f"{n(x)},{n(y)}" for x, y in points)}"/>'


def text(x: float, y: float, words: str, css: str, *, anchor: str = "start", room: float = 0) -> str:
    """Write words, cut to `room` pixels where given; widths are estimated, since fonts are the reader's own."""
    size = 17 if "h " in css else 11 if css.startswith("x") else 12.5
    if room:
        words = fitted(words, int(room / (size * 0.53)))
    return f'<text class="{css}" x="{n(x)}" y="{n(y)}" text-anchor="{anchor}">{_safe(words)}</text>'


def fitted(words: str, characters: int) -> str:
    """Cut words at a number of characters, wide scripts counted double."""
    flat, used = one_line(words), 0.0
    for place, char in enumerate(flat):
        used += 1.8 if ord(char) > 0x2E80 else 1
        if used > characters:
            return flat[: max(place - 1, 1)].rstrip() + "…"
    return flat


def n(value: float) -> str:
    """Write a number shortly, and the same on every machine."""
    return f"{value:.1f}".removesuffix(".0")


def _safe(words: str) -> str:
    return escape(one_line(words, 400), quote=True)

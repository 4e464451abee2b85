"""Draws curve.svg from the newest whole run of each variant: throughput against p50 and p95, light and dark."""

import json
from pathlib import Path

FOLDER = Path(__file__).parent
WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 640, 360, 56, 24, 44, 52
STYLE = """
text { font: 12px system-ui, sans-serif; fill: #57606a } .title { font-size: 14px; fill: #1f2328 }
.axis, .grid { stroke: #d0d7de; stroke-width: 1; fill: none }
.one { --c: #0969da } .two { --c: #bc4c00 } .three { --c: #8250df } .line { stroke: var(--c); stroke-width: 2; fill: none }
.p95 { stroke-dasharray: 5 4 } .dot, .name { fill: var(--c) }
@media (prefers-color-scheme: dark) {
text { fill: #9198a1 } .title { fill: #f0f6fc } .axis, .grid { stroke: #3d444d }
.one { --c: #4493f8 } .two { --c: #f0883e } .three { --c: #ab7df8 } }
"""
Points = list[tuple[str, dict[str, float]]]


def newest() -> dict[str, Points]:
    """Variant → (requests in flight, metrics), from the records of runs that ended well."""
    found: dict[str, Points] = {}
    for path in sorted(FOLDER.joinpath("runs").glob("*.json")):
        record = json.loads(path.read_text("utf-8"))
        if record["exit_code"] == 0:
            rows = [(row.rsplit(", ", 1)[1].split()[0], values) for row, values in record["results"].items()]
            found[record["variant"]] = sorted(rows, key=lambda row: int(row[0]))
    return found


def draw(curves: dict[str, Points]) -> str:
    """One line a variant and percentile, a point for each number of requests in flight."""
    points = [values for rows in curves.values() for _, values in rows]
    most_x = 1.15 * max(values["throughput (tokens/s)"] for values in points)
    most_y = 1.15 * max(values["p95 (s)"] for values in points)

    def x(value: float) -> float:
        return LEFT + value / most_x * (WIDTH - LEFT - RIGHT)

    def y(value: float) -> float:
        return HEIGHT - BOTTOM - value / most_y * (HEIGHT - TOP - BOTTOM)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-labelledby="t">',
        f'<title id="t">Latency of a reply against throughput</title><style>{STYLE}</style>',
        f'<text class="title" x="{LEFT}" y="20">Seconds a reply takes, by tokens a second of all replies</text>',
        f'<text x="{WIDTH - RIGHT}" y="{HEIGHT - 10}" text-anchor="end">tokens/s; the points are 1, 2, 4 in flight</text>',
        f'<text x="{LEFT}" y="36">solid: p50, dashed: p95</text>',
        f'<path class="axis" d="M{LEFT} {TOP}V{HEIGHT - BOTTOM}H{WIDTH - RIGHT}"/>',
    ]
    for share in (0.25, 0.5, 0.75, 1.0):
        parts.append(f'<path class="grid" d="M{LEFT} {y(share * most_y):.1f}H{WIDTH - RIGHT}"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{y(share * most_y) + 4:.1f}" text-anchor="end">{share * most_y:.1f}</text>')
        parts.append(
            f'<text x="{x(share * most_x):.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{share * most_x:.1f}</text>'
        )
    for colour, (name, rows) in zip(("one", "two", "three"), curves.items(), strict=False):
        parts.append(f'<g class="{colour}">')
        for percentile in ("p50", "p95"):
            places = [(x(v["throughput (tokens/s)"]), y(v[f"{percentile} (s)"])) for _, v in rows]
            line = " ".join(f"{a:.1f},{b:.1f}" for a, b in places)
            parts.append(f'<polyline class="line {percentile}" points="{line}"/>')
            parts += [f'<circle class="dot" cx="{a:.1f}" cy="{b:.1f}" r="3.5"/>' for a, b in places]
        parts.append(f'<text class="name" x="{places[-1][0] + 8:.1f}" y="{places[-1][1] - 6:.1f}">{name}</text></g>')
    return "\n".join([*parts, "</svg>", ""])


if __name__ == "__main__":
    FOLDER.joinpath("curve.svg").write_text(draw(newest()), "utf-8")

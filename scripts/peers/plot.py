"""The README's picture: how many times as fast as the better peer, for light and dark pages."""
import math
from html import escape

WIDTH, LEFT, RIGHT = 860, 176, 250  # of the picture, of the names, of the figures
ROW, BAR, GROUP = 26, 14, 34
STYLE = """
  text { font: 13px system-ui, -apple-system, 'Segoe UI', Roboto, 'Liberation Sans', Arial, sans-serif; fill: #1f2328 }
  .card { fill: #ffffff; stroke: #d1d9e0 } .title { font-size: 17px; font-weight: 600 } .group { font-weight: 600 }
  .faint { fill: #59636e; font-size: 12px } .end { text-anchor: end } .middle { text-anchor: middle }
  .figure { font-weight: 600; font-variant-numeric: tabular-nums } .grid { stroke: #d1d9e0; stroke-width: 1 }
  .one { stroke: #59636e; stroke-dasharray: 3 3 } .bar { fill: #2f6fdb }
  circle { stroke: #ffffff; stroke-width: 1.5 }
  .llama { fill: #e0730d } .ik { fill: #8a4bd0 }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc } .card { fill: #0d1117; stroke: #3d444d } .faint { fill: #9198a1 } .grid { stroke: #3d444d }
    .one { stroke: #9198a1 } .bar { fill: #4d8dff } circle { stroke: #0d1117 }
    .llama { fill: #ffa657 } .ik { fill: #c297ff }
  }"""
MARKS = {"llama.cpp": "llama", "ik_llama.cpp": "ik"}


def text(x, y, words, *classes):
    names = f' class="{" ".join(classes)}"' if classes else ""
    return f'<text x="{x:.1f}" y="{y:.1f}"{names}>{escape(words)}</text>'


def rounded(value):
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


def case_row(name, result, y, scale):
    """A bar for Vivace, a dot for each peer, what they are in figures."""
    ratio = min(row["ratio"] for row in result["peers"])
    best = next(row for row in result["peers"] if row["ratio"] == ratio)
    end = LEFT + ratio * scale
    out = [text(LEFT - 10, y + BAR - 2, name, "end"),
           f'<rect class="bar" x="{LEFT}" y="{y}" width="{ratio * scale:.1f}" height="{BAR}" rx="2"/>']
    for row in result["peers"]:
        at = LEFT + ratio / row["ratio"] * scale
        out.append(f'<circle class="{MARKS.get(row["peer"], "llama")}" cx="{at:.1f}" cy="{y + BAR / 2}" r="4.5"/>')
    out.append(text(max(end, LEFT + scale) + 9, y + BAR - 2, f"{ratio:.2f}×" if ratio < 9.95 else f"{ratio:.1f}×", "figure"))
    share = f"{result['roof_share']:.0%} of the limit" if result.get("roof_share") else ""
    if "own_idle" in result:
        share = f"{result['own_idle']:.0%} of idle"
    out.append(text(WIDTH - 132, y + BAR - 2, f"{rounded(best['ours'])} tokens/s", "end", "faint"))
    out.append(text(WIDTH - 18, y + BAR - 2, share, "end", "faint"))
    return out


def grid(units, scale, top, bottom):
    return [f'<line class="{"one" if i == 1 else "grid"}" x1="{LEFT + i * scale:.1f}" y1="{top}" x2="{LEFT + i * scale:.1f}" '
            f'y2="{bottom}"/>' for i in range(units + 1)]


def legend(y):
    out = [f'<rect class="bar" x="{LEFT}" y="{y - 9}" width="18" height="10" rx="2"/>', text(LEFT + 24, y, "Vivace", "faint")]
    for i, (name, mark) in enumerate(MARKS.items()):
        x = LEFT + 96 + i * 96
        out += [f'<circle class="{mark}" cx="{x}" cy="{y - 4}" r="4.5"/>', text(x + 9, y, name, "faint")]
    return out


def draw(groups, kept):
    """SVG of the groups' cases that have results."""
    cases = kept["cases"]
    shown = [(g["title"], [(n, cases[c]) for c, n in g["cases"].items() if c in cases]) for g in groups]
    shown = [(title, rows) for title, rows in shown if rows]
    longest = max((min(p["ratio"] for p in result["peers"]) for _, rows in shown for _, result in rows), default=1)
    units = max(2, math.ceil(longest * 1.05))  # the figure stands behind the bar
    scale = (WIDTH - LEFT - RIGHT) / units
    y, body = 84, []
    for title, rows in shown:
        body.append(text(18, y + 14, title, "group"))
        y += GROUP - 8
        body += grid(units, scale, y - 4, y + ROW * len(rows) - 6)
        for name, result in rows:
            body += case_row(name, result, y, scale)
            y += ROW
        y += 10
    body += [text(LEFT + i * scale, y + 4, f"{i}×", "faint", "middle") for i in range(units + 1)]
    machine = next((r["machine"] for _, rows in shown for _, r in rows), None)
    foot = f"{machine['cpu']}, {machine['cpus']} cores; the same file and threads for all. 1× is the better peer." if machine else ""
    height = y + 40
    return "\n".join([f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}">',
                      f"<style>{STYLE}\n</style>", f'<rect class="card" x=".5" y=".5" width="{WIDTH - 1}" height="{height - 1}" rx="8"/>',
                      text(18, 32, "Speed of Vivace beside llama.cpp and ik_llama.cpp", "title"), *legend(56), *body,
                      text(18, height - 14, foot, "faint"), "</svg>"])

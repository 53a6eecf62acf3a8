"""Draw boxes, arrows and words as SVG that is readable on a light and on a dark page.

Each picture has its own background, which does not depend on the page's. Its colours follow the preference of the
reader's system.
"""  # noqa: INP001 - a part of a program that is started by path

from collections.abc import Sequence
from typing import Final
from xml.sax.saxutils import escape

import attrs

LINE: Final = 17  # from one line of words to the next

# Class, property, its colour on a light and on a dark background.
_COLOURS: Final = (
    (".card", "fill", "#f6f7fb", "#1d2230"),
    (".card", "stroke", "#d5d9e6", "#3a4157"),
    (".box", "fill", "#ffffff", "#2a3146"),
    (".box", "stroke", "#8a94ad", "#76809c"),
    (".good", "fill", "#e3f4ea", "#1d3b2e"),
    (".good", "stroke", "#2f8f5b", "#58b884"),
    (".bad", "fill", "#fbe9e7", "#432624"),
    (".bad", "stroke", "#c4473a", "#e08177"),
    (".doubt", "fill", "#fdf1dc", "#43361d"),
    (".doubt", "stroke", "#b07a1c", "#d9a44a"),
    (".ink", "fill", "#1b2233", "#e8ebf4"),
    (".soft", "fill", "#525c75", "#b3bbd0"),
    (".line", "stroke", "#525c75", "#b3bbd0"),
    (".life", "stroke", "#b9c0d2", "#4c556e"),
    (".head", "fill", "#525c75", "#b3bbd0"),
)
_SHAPES: Final = (
    "text { font: 14px system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif; }"
    ".name { font-weight: 600; } .code { font: 13px ui-monospace, Menlo, Consolas, monospace; }"
    ".small { font-size: 13px; } .line { fill: none; stroke-width: 1.6; } .life { stroke-dasharray: 3 4; }"
)
_HEAD: Final = (
    '<defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
    'orient="auto-start-reverse"><path class="head" d="M0 0L8 4L0 8z"/></marker></defs>'
)
_ANCHORS: Final = {"left": "start", "middle": "middle", "right": "end"}


@attrs.frozen
class Picture:
    """A picture of shapes, written as one file; ``about`` describes it for screen readers."""

    width: int
    height: int
    about: str
    shapes: list[str] = attrs.field(factory=list[str], init=False)

    def box(self, x: float, y: float, width: float, height: float, kind: str = "box") -> None:
        """Draw a box around a middle."""
        self.shapes.append(
            f'<rect class="{kind}" x="{x - width / 2:g}" y="{y - height / 2:g}" width="{width:g}" height="{height:g}" '
            'rx="7"/>'
        )

    def words(self, x: float, y: float, lines: str | Sequence[str], kind: str = "ink", at: str = "middle") -> None:
        """Write lines; ``y`` is the baseline of the first."""
        for number, line in enumerate([lines] if isinstance(lines, str) else lines):
            self.shapes.append(
                f'<text class="{kind}" x="{x:g}" y="{y + number * LINE:g}" text-anchor="{_ANCHORS[at]}">{escape(line)}'
                "</text>"
            )

    def arrow(self, path: str) -> None:
        """Draw a line with a head, along an SVG path."""
        self.shapes.append(f'<path class="line" d="{path}" marker-end="url(#head)"/>')

    def life(self, x: float, top: float, bottom: float) -> None:
        """Draw the dashed line of a participant."""
        self.shapes.append(f'<path class="life" d="M{x:g} {top:g}V{bottom:g}"/>')

    def written(self) -> str:
        """Write the file."""
        size = f'width="{self.width}" height="{self.height}" viewBox="0 0 {self.width} {self.height}"'
        return "\n".join(
            [
                f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">',
                f"<title>{escape(self.about)}</title>",
                f"<style>{_SHAPES}{_rules(2)} @media (prefers-color-scheme: dark) {{{_rules(3)}}}</style>",
                _HEAD,
                f'<rect class="card" x="0.5" y="0.5" width="{self.width - 1}" height="{self.height - 1}" rx="10"/>',
                *self.shapes,
                "</svg>\n",
            ]
        )


def _rules(column: int) -> str:
    return " ".join(_rule(*(str(colour[place]) for place in (0, 1, column))) for colour in _COLOURS)


def _rule(name: str, what: str, colour: str) -> str:
    return f"{name} {{ {what}: {colour}; }}"

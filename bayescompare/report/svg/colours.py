"""The colours, once for light and once for dark; each hue is one estimand everywhere.

Text and marks with the colour of text reach a contrast of 4.5 on the background, marks 3; a test holds them to it.
"""

from __future__ import annotations

LIGHT = {
    "bg": "#fcfcfa",
    "panel": "#f4f4f0",
    "ink": "#1c2024",
    "ink2": "#555c64",
    "rule": "#dcdcd6",
    "axis": "#8b9098",
    "post": "#0067a6",
    "post-fill": "#0067a61f",
    "map": "#c24a00",
    "lap": "#93387a",
    "mar": "#3d6b00",
    "pth": "#00696f",
    "vi": "#5a45b5",
    "prior": "#6b7078",
    "same": "#1b6e50",
    "differs": "#a81c2b",
    "undecided": "#7d5a00",
    "none": "#5b626b",
    "zone": "#1b6e5017",
    "link": "#0b5c92",
}

DARK = {
    "bg": "#14171a",
    "panel": "#1c2024",
    "ink": "#e8e9e6",
    "ink2": "#a9b0b7",
    "rule": "#32373c",
    "axis": "#7c848c",
    "post": "#62b2ea",
    "post-fill": "#62b2ea2e",
    "map": "#f58a4b",
    "lap": "#df92cb",
    "mar": "#9ccc5a",
    "pth": "#4fcad2",
    "vi": "#ab9dff",
    "prior": "#9aa2aa",
    "same": "#5cc49a",
    "differs": "#ff8a8f",
    "undecided": "#e2b650",
    "none": "#a3abb3",
    "zone": "#5cc49a1f",
    "link": "#7cc0f0",
}


def rules() -> str:
    """CSS of both sets. Dark is for screens alone: a reader of dark pages does not print white on white."""
    return f".bc{{{_declare(LIGHT)}}}@media screen and (prefers-color-scheme:dark){{.bc{{{_declare(DARK)}}}}}\n"


def notebook_rules() -> str:
    """CSS that lets a notebook's own theme decide, where it says what it is."""
    dark = '[data-jp-theme-light="false"] .bc,.vscode-dark .bc'
    light = '[data-jp-theme-light="true"] .bc,.vscode-light .bc'
    return f"@media screen{{{light}{{{_declare(LIGHT)}}}{dark}{{{_declare(DARK)}}}}}\n"


def _declare(colours: dict[str, str]) -> str:
    return ";".join(f"--bc-{key}:{value}" for key, value in colours.items())

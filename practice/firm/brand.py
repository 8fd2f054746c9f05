"""A practice's own colour, made readable: darkened on paper and lightened at night until text on it has contrast."""

from __future__ import annotations

CONTRAST = 4.5
_PAPER, _NIGHT = (246, 244, 239), (26, 30, 27)

Colour = tuple[int, int, int]


def stylesheet(brand_colour: str) -> str:
    """The rules that put a colour ("#0B5B4C") in place of ours; empty for no colour."""
    if not brand_colour:
        return ""
    colour = _parse(brand_colour)
    day, night = readable(colour, _PAPER), readable(colour, _NIGHT)
    return (
        f":root{{--accent:light-dark({_hex(day)},{_hex(night)});"
        f"--accent-hover:light-dark({_hex(_mix(day, (0, 0, 0), 0.2))},{_hex(_mix(night, (255, 255, 255), 0.25))});"
        f"--accent-soft:light-dark({_hex(_mix(_PAPER, day, 0.1))},{_hex(_mix(_NIGHT, night, 0.16))});"
        "--on-accent:light-dark(#FFFFFF,#0C0E0D)}\n"
    )


def readable(colour: Colour, ground: Colour) -> Colour:
    """The colour, moved towards black on a light ground or white on a dark one until its contrast is at least 4.5."""
    towards = (0, 0, 0) if _luminance(ground) > 0.5 else (255, 255, 255)
    for step in range(51):
        moved = _mix(colour, towards, step / 50)
        if contrast(moved, ground) >= CONTRAST:
            return moved
    return towards


def contrast(one: Colour, other: Colour) -> float:
    """The contrast ratio of two colours, by WCAG 2.2."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: Colour) -> float:
    parts = [c / 255 for c in colour]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _mix(one: Colour, other: Colour, share: float) -> Colour:
    r, g, b = (round(a + (z - a) * share) for a, z in zip(one, other, strict=True))
    return r, g, b


def _parse(text: str) -> Colour:
    return int(text[1:3], 16), int(text[3:5], 16), int(text[5:7], 16)


def _hex(colour: Colour) -> str:
    return "#" + "".join(f"{part:02X}" for part in colour)

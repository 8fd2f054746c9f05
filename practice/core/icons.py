"""The line icons of the house, drawn on a 20-unit grid; the stylesheet gives them their stroke."""

from __future__ import annotations

from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

_PATHS = {
    "home": '<path d="M3.500 9 10 3.500 16.500 9v7.500h-4.300V12H7.800v4.500H3.500z"/>',
    "doc": '<path d="M5 3h6.500L15 6.500V17H5zM11.500 3v3.500H15M7.500 10h5M7.500 13h5"/>',
    "people": '<circle cx="7.500" cy="7" r="2.700"/><path d="M2.500 16c.4-3 2.300-4.600 5-4.600s4.600 1.600 5 4.600M12.500 4.600a2.700 2.700 0 0 1 0 4.900M14.300 11.800c1.800.6 2.900 2 3.200 4.200"/>',
    "bill": '<path d="M5 3h10v14l-2-1.300-1.700 1.300-1.300-1.300L8.700 17 7 15.700 5 17zM7.500 7h5M7.500 10h5"/>',
    "chain": '<circle cx="4.500" cy="10" r="1.800"/><circle cx="15.500" cy="10" r="1.800"/><path d="M6.300 10h7.400"/>',
    "swap": '<path d="M3.500 7.500h12M12.500 4.500l3 3-3 3M16.500 12.500h-12M7.500 9.500l-3 3 3 3"/>',
    "shield": '<path d="M10 3 4.500 5v4.500c0 3.600 2.200 6 5.500 7.500 3.300-1.500 5.500-3.900 5.500-7.500V5z"/><path d="m7.500 10 2 2 3.200-3.600"/>',
    "settings": '<path d="M3.500 6h7M14 6h2.500M3.500 14h2.500M9.500 14h7"/><circle cx="12.200" cy="6" r="1.700"/><circle cx="7.800" cy="14" r="1.700"/>',
    "check": '<path d="m4.500 10.500 3.700 3.700 7.300-8"/>',
    "alert": '<path d="M10 3.200 17.500 16.300h-15z"/><path d="M10 8.200v3.600M10 14.100v.01"/>',
    "clock": '<circle cx="10" cy="10" r="6.800"/><path d="M10 6v4.200l2.700 1.700"/>',
    "pause": '<path d="M7.500 5.500v9M12.500 5.500v9"/>',
    "dots": '<path d="M5 10h.01M10 10h.01M15 10h.01"/>',
    "mail": '<path d="M3 5.500h14v9.500H3z"/><path d="m3.500 6 6.500 5 6.500-5"/>',
    "eye": '<path d="M2.500 10s2.700-5 7.500-5 7.500 5 7.500 5-2.700 5-7.500 5-7.500-5-7.500-5z"/><circle cx="10" cy="10" r="2.200"/>',
    "plus": '<path d="M10 4v12M4 10h12"/>',
    "search": '<circle cx="9" cy="9" r="5"/><path d="m12.800 12.800 3.700 3.700"/>',
    "chevron": '<path d="m8 5 5 5-5 5"/>',
    "back": '<path d="m12 5-5 5 5 5"/>',
    "menu": '<path d="M3.500 6h13M3.500 10h13M3.500 14h13"/>',
    "lock": '<rect x="4.500" y="9" width="11" height="8" rx="1.500"/><path d="M7 9V6.500a3 3 0 0 1 6 0V9"/>',
    "pen": '<path d="m4 16 .8-3.400L13.500 4l2.500 2.500-8.600 8.700z"/><path d="m11.800 5.700 2.500 2.500"/>',
    "card": '<rect x="2.800" y="4.500" width="14.400" height="11" rx="1.500"/><path d="M2.800 8.300h14.400"/>',
    "bank": '<path d="M3 8 10 3.800 17 8M4.500 8v6.500M8.200 8v6.500M11.800 8v6.500M15.500 8v6.500M3 16.300h14"/>',
    "down": '<path d="M10 3.500v9M6.200 9.200 10 13l3.800-3.800M4 16.500h12"/>',
    "out": '<path d="M8 4.500H4.500v11h11V12M11 4h5v5M16 4l-7 7"/>',
    "phone": '<rect x="6" y="3" width="8" height="14" rx="1.500"/><path d="M9.200 14.500h1.600"/>',
    "person": '<circle cx="10" cy="7" r="3"/><path d="M4.500 16.500c.5-3.300 2.600-5 5.500-5s5 1.700 5.500 5"/>',
    "key": '<circle cx="7" cy="13" r="3"/><path d="m9.200 10.800 6.300-6.300M13 7l2 2"/>',
    "info": '<circle cx="10" cy="10" r="6.800"/><path d="M10 9.200v4.300M10 6.600v.01"/>',
    "undo": '<path d="M7.500 5 4 8.500 7.500 12M4 8.500h8a4 4 0 0 1 0 8H8"/>',
    "close": '<path d="m5.500 5.500 9 9M14.500 5.500l-9 9"/>',
    "calendar": '<rect x="3.500" y="4.500" width="13" height="12" rx="1.500"/><path d="M3.500 8.500h13M7 3v3M13 3v3"/>',
    "archive": '<path d="M3.500 4.500h13v3h-13zM4.500 7.500v8.500h11V7.500M8 10.500h4"/>',
    "pin": '<path d="M10 17c3.300-3.400 5-6 5-8.200A5 5 0 0 0 5 8.800C5 11 6.700 13.600 10 17z"/><circle cx="10" cy="8.800" r="1.700"/>',
    "tag": '<path d="M3.500 10.500v-7h7l6.500 6.500-7 7z"/><path d="M7 7h.01"/>',
    "copy": '<rect x="7" y="7" width="9.500" height="9.500" rx="1.500"/><path d="M13 7V3.500H3.500V13H7"/>',
    "link": '<path d="M8.500 11.500a3 3 0 0 0 4.300 0l2.700-2.700a3 3 0 0 0-4.300-4.300L10 5.700M11.500 8.500a3 3 0 0 0-4.300 0l-2.700 2.700a3 3 0 0 0 4.300 4.300l1.200-1.200"/>',
    "list": '<path d="M7 5.500h9.500M7 10h9.500M7 14.500h9.500M3.500 5.500h.01M3.500 10h.01M3.500 14.500h.01"/>',
    "up": '<path d="m5 12 5-5 5 5"/>',
    "refresh": '<path d="M15.800 8A6.200 6.200 0 1 0 16 11.500M16 4.500V8h-3.500"/>',
}


def svg(name: str, size: str = "") -> SafeString:
    """One icon as inline SVG; ``size`` "s" is the small one. Raises KeyError for an icon nobody drew."""
    paths = mark_safe(_PATHS[name])  # noqa: S308 (literals of this file)
    return format_html(
        '<svg class="i {}" viewBox="0 0 20 20" aria-hidden="true" focusable="false">{}</svg>', size, paths
    )

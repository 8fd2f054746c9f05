"""The practice itself: its site, its firm, and the ground both stand on."""

"""Who may work and call when: leases, turns, and the calls that the vendors' windows still take."""

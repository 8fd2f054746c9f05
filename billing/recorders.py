"""What billing writes down when a lower package records an event."""

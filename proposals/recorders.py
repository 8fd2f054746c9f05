"""What proposals write down when a lower package records an event."""

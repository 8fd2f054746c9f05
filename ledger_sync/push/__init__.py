"""Push: plan, perform, settle."""

"""Pages of billing: for staff, for clients by link, and Stripe's door."""

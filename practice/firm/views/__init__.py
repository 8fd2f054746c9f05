"""Pages of the firm, one module per thing."""

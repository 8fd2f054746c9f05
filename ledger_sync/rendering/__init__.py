"""What a ledger must show for each of our records: documents built from business rows."""

"""Pull: notices and sweeps say what to read; what was read goes to :mod:`ledger_sync.applying`."""

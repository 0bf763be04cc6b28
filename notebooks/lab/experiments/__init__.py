"""The experiments, by subject: each returns the numbers that the ledger has intervals for."""

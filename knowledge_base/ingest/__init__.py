"""Taking documents in: reading in parallel, the journal, changes to the base, watched folders."""

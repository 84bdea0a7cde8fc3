"""receive: the HTTP doors. They authenticate, bound the size and wait for the journal; they decide nothing else."""

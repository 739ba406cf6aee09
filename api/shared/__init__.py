"""What partners may see, for tokens that may see nothing else."""

"""Evidence: taking in, keeping and showing what an edge sealed."""

"""The performance-critical core: arrays in, observations and violations out. No network, no database, no clock of its own."""

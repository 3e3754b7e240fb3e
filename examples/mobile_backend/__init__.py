"""A whole backend for an app, to start from."""

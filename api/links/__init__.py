"""Links in messages: a shop's people open their notice with one, without an app and without a password."""

"""What happened, in one order that every follower sees: nothing is skipped, nothing comes twice."""

"""What a shop answers to a notice: what was done, with photographs, or that it disagrees."""

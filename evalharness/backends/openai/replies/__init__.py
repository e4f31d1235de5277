"""Read the parts of replies: messages, usage, and probabilities."""

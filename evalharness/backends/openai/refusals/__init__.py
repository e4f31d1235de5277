"""What servers refuse of our requests, and what they are sent instead."""

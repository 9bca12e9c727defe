"""What waits: the durable keepers of a case and of the origin state's two processes."""

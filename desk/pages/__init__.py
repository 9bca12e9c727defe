"""The pages of the desk, a file for each kind."""

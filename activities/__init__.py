"""The only hands: everything that touches the world outside a case."""

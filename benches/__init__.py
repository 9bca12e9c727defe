"""What is measured: each file is run by a make target, prints a table, and writes it into docs/measures.md."""

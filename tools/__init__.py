"""What is used to make parts of the project and is no part of it."""

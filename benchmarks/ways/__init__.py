"""Ways of this project's interpreter, each a process of its own."""

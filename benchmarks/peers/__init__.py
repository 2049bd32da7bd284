"""Ways of the peers' interpreter (`requirements.txt`), each a process of its own."""

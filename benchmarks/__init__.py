"""What a step costs, beside others on the same work: `make bench`. README.md says what is measured."""

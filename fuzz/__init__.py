"""Coverage-guided fuzzing of everything that reads foreign bytes: `make fuzz`. CONTRIBUTING.md says how."""

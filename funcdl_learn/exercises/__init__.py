"""The exercises that the package has, one a file."""

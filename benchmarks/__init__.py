"""What the times and the memory in the README were measured with."""

"""The pairs study: which of two handwritten digits is larger."""

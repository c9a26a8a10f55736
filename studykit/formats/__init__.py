"""The formats that results are written in for a report of one's own."""

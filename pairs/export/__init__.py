"""Results as files for a report of one's own: CSV, LaTeX and Markdown, with figures as SVG."""

from pairs.export.write import FORMATS, write_files

__all__ = ["FORMATS", "write_files"]

"""Results of any kind as one page, or as files for a report of one's own."""

from reports.files import FORMATS, write_files
from reports.folders import held
from reports.page import write_page

__all__ = ["FORMATS", "held", "write_files", "write_page"]

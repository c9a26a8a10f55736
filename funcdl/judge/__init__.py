"""The whole contract, tried on one layer: every property that the library's own layers have."""

from funcdl.judge.verdict import PROPERTIES, Verdict, judge, judged

__all__ = ["PROPERTIES", "Verdict", "judge", "judged"]

"""A few bad days of each kind; `tests/bad_days.py` has a hundred."""

import random
import shutil
import subprocess
import sys

import pytest
from bad_days import DISKS, KINDS, STUDY, Run, filled, keys, rounds_are_right, struck

from pairs.study import digits

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="finds processes in /proc")


@pytest.fixture(scope="module", autouse=True)
def _loaded():
    """Load the digits once, for all that are forked from this process."""
    digits(None)


def test_no_signal_at_any_moment_hangs_or_loses_a_finished_round(tmp_path):
    """Each kind in turn, in one folder: every run goes on from what the one before it left."""
    draw = random.Random(1)
    for kind in KINDS:
        struck(kind, tmp_path, draw, fresh=False, latest=0.8)
    one = Run([*STUDY, "--rounds", str(1 + len(keys(tmp_path)) // 2), "--out", str(tmp_path)])
    assert one.end()[0] == 0
    rounds_are_right(tmp_path, draw)


@pytest.mark.parametrize("kind", DISKS)
def test_no_full_disk_hangs_or_loses_a_finished_round(tmp_path, kind):
    probe = ["mount", "-t", "tmpfs", "none", str(tmp_path)]
    if shutil.which("mount") is None or subprocess.run(probe, capture_output=True).returncode:
        pytest.skip("needs the right to mount a file system")
    subprocess.run(["umount", str(tmp_path)], check=True)
    draw = random.Random(2)
    for _ in range(2):
        assert filled(kind, tmp_path / "disk", draw) in (1, 2)

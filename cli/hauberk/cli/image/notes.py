"""What the user is told about images besides findings: what was not looked into, and what nothing uses."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from hauberk.policy.images import Images
from hauberk.policy.workloads import Manifest, Pods


def unseen(images: Images, manifests: Iterable[Manifest]) -> Iterator[str]:
    """One line for each; the same from every process of a run."""
    if not images.given:
        return
    used = {
        found[0]
        for manifest in manifests
        if isinstance(manifest, Pods)
        for container in manifest.specs
        if (found := images.of(container.image)) is not None
    }
    for name, image in images.given.items():
        if name not in used:
            yield f"image {name}: no container of the manifests that were read runs it: it has no effect"
        yield from (f"image {name}: {note}" for note in image.notes)

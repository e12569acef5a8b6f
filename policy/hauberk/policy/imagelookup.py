"""Which images the workloads of a policy run, and what is looked up in them once for all policies."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from hauberk.policy.containers import Container
from hauberk.policy.decision import Compiled
from hauberk.policy.imagefacts import Facts, Seen, image_facts
from hauberk.policy.images import Image, Images
from hauberk.policy.libraries import Loader
from hauberk.policy.model import Domain, Policy, Rule, Workload
from hauberk.policy.repository import MAX_TARGETS
from hauberk.policy.starts import starts
from hauberk.policy.workloads import Pods, Target

Allowing = Mapping[Domain, Sequence[tuple[int, Rule]]]

_KEPT = 512


@dataclass(slots=True)
class ImageLookup:
    """Makes the `images` part of the facts; workloads that policies cannot tell apart may run several images."""

    images: Images
    _loaders: dict[str, Loader] = field(default_factory=dict[str, Loader])
    _seen: dict[tuple[int, Container], Seen] = field(default_factory=dict[tuple[int, Container], Seen])

    def facts(
        self,
        number: int,
        policy: Policy,
        targets: Iterable[Target],
        compiled: Mapping[Workload, tuple[Compiled, Allowing]],
    ) -> list[Facts]:
        """For entry `number`, which selects `targets`; `compiled` are the lists of those workloads that are judged."""
        if not self.images.given:
            return []
        found: dict[tuple[Workload, Container], Seen] = {}
        complete = True
        for target in targets:
            container = _container(target)
            image = self.images.of(container.image) if container is not None else None
            if container is None or image is None:
                complete = False
                continue
            key = (target.workload, container)
            lists = compiled.get(target.workload)
            if lists is not None and key not in found and len(found) < MAX_TARGETS:
                found[key] = self._look(target.name, container, image, lists)
        return image_facts(number, policy, list(found.values()), complete=complete)

    def _look(
        self, workload: str, container: Container, found: tuple[str, Image], lists: tuple[Compiled, Allowing]
    ) -> Seen:
        compiled, allowing = lists
        # the lists stay alive as long as what was seen with them, so that no others get their number
        key = (id(compiled), container)
        if key not in self._seen:
            if len(self._seen) == _KEPT:
                self._seen.clear()
            name, image = found
            loader = self._loaders.setdefault(name, Loader(image, image.config.library_path))
            begun = tuple(starts(image, container))
            self._seen[key] = Seen(workload, container, name, image, loader, compiled, allowing, begun)
        return self._seen[key]


def _container(target: Target) -> Container | None:
    specs = target.manifest.specs if isinstance(target.manifest, Pods) else ()
    return next((one for one in specs if one.name == target.workload.container), None)

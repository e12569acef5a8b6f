"""The map of rules that KubeArmor's daemon writes (semantics 5.1): a later write replaces the whole rule."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from hauberk.policy.lists import Origin
from hauberk.policy.model import (
    NO_FLAGS,
    Action,
    Capability,
    Directory,
    Domain,
    DomainName,
    Flags,
    Kind,
    Level,
    Matcher,
    Pattern,
    Policy,
    Program,
    Protocol,
    Rule,
)
from hauberk.policy.tables import CAPABILITIES, PROTOCOL_NUMBERS, SOCKET_TYPES

GLOBAL = ""
_ORDER: dict[type[Matcher], int] = {Program: 0, Directory: 1}
_UNKNOWN_TO_DAEMON = frozenset(("checkpoint_restore",))


@dataclass(frozen=True, slots=True)
class Held:
    """The value under a key; `recursive` is None unless the key is that of a directory.

    `by_name`: the rule has an `execname`; the daemon files its arguments under that, where nothing looks for
    them.
    """

    origin: Origin
    blocks: bool
    flags: Flags
    recursive: bool | None = None
    by_name: bool = False


Keys = dict[str, Held]


@dataclass(slots=True)
class Store:
    """Keys of one domain by scope; the scope of global rules is `""`.

    A socket type is kept under its name, a protocol under its number, a capability under its name without
    `cap_`.
    """

    scopes: dict[str, Keys] = field(default_factory=dict[str, Keys])
    allow_listed: bool = False

    def write(self, sources: tuple[str | None, ...], key: str, held: Held) -> None:
        """Puts a value under a key in the scope of each source; one without a path is the global scope."""
        for source in sources or (None,):
            self.scopes.setdefault(source or GLOBAL, {})[key] = held


@dataclass(frozen=True, slots=True)
class _Written:
    """A verdict rule as the daemon sees it, after comma lists are split."""

    rule: Rule
    matcher: Matcher
    held: Held


_ACTIONS = {action.value: action for action in (Action.ALLOW, Action.BLOCK, Action.AUDIT)}


def action_of(rule: Rule) -> Action | None:
    """The action as the daemon reads it: only that of the spec may be in lower case."""
    if rule.action_level is Level.DEFAULT:
        return Action.BLOCK
    text = rule.action_text
    if rule.action_level is Level.SPEC and text in ("allow", "block", "audit"):
        text = text.capitalize()
    return _ACTIONS.get(text)


def fill(domain: Domain, policies: Sequence[Policy]) -> Store:
    """The keys of one domain when all policies have been written in their order."""
    store = Store()
    for policy in policies:
        if policy.kind is Kind.HOST and domain in ("dns", "capabilities"):
            continue
        written = list(_verdict_rules(policy, domain))
        for one in written:
            store.allow_listed = store.allow_listed or not one.held.blocks
            for key, held in _keys(one, policy):
                store.write(one.rule.sources, key, held)
        if domain == "network":
            _write_all(store, written)
    return store


def keys_of(policy: Policy, rule: Rule) -> frozenset[str]:
    """Names of the keys that the rule is written under, a comma list taken for one word; none for `all`."""
    held = Held(Origin(policy, rule), blocks=False, flags=rule.flags)
    return frozenset(key for key, _ in _keys(_Written(rule, rule.matcher, held), policy))


def places_of(policy: Policy, rule: Rule) -> list[tuple[str, str]]:
    """Scopes and keys that are written for the rule if it is the only one of its policy."""
    if rule.domain not in ("process", "file"):
        scopes = fill(rule.domain, [replace(policy, rules=(rule,))]).scopes
        return [(scope, key) for scope, keys in scopes.items() for key in keys]
    if isinstance(rule.matcher, Pattern) or action_of(rule) not in (Action.ALLOW, Action.BLOCK):
        return []
    sources = dict.fromkeys(source or GLOBAL for source in rule.sources or (None,))
    return [(scope, key) for scope in sources for key in keys_of(policy, rule)]


def _verdict_rules(policy: Policy, domain: Domain) -> Iterator[_Written]:
    rules = [rule for rule in policy.rules if rule.domain == domain and not isinstance(rule.matcher, Pattern)]
    rules.sort(key=lambda rule: _ORDER.get(type(rule.matcher), 0))
    # The daemon looks for a comma in the first entry only, and then splits every entry.
    splits = bool(rules) and "," in word_of(rules[0].matcher)
    for rule in rules:
        action = action_of(rule)
        if action is None or action is Action.AUDIT:
            continue
        held = Held(Origin(policy, rule), action is Action.BLOCK, rule.flags)
        for matcher in _split(rule.matcher) if splits else (rule.matcher,):
            yield _Written(rule, matcher, held)


def word_of(matcher: Matcher) -> str:
    """What is written as a value: a protocol, a name, a capability, or a list of them with commas; "" for paths."""
    match matcher:
        case Protocol(protocol=text) | DomainName(domain=text) | Capability(capability=text):
            return text
        case _:
            return ""


def _split(matcher: Matcher) -> Iterator[Matcher]:
    for word in word_of(matcher).replace(" ", "").split(","):
        match matcher:
            case Protocol():
                yield Protocol(word)
            case DomainName():
                yield DomainName(word)
            case Capability():
                yield Capability(word)
            case _:
                pass


def _keys(written: _Written, policy: Policy) -> Iterator[tuple[str, Held]]:
    held = written.held
    match written.matcher:
        case Program(path=path, execname=None):
            if path:
                yield path, held
        case Program(execname=str(name)):
            yield name, replace(held, by_name=True)
        case Directory(dir=text, recursive=recursive):
            slash = text.rfind("/")
            if slash > 0:
                yield text[:slash], held
            if text:
                yield text, replace(held, recursive=recursive) if slash == len(text) - 1 else held
        case Protocol(protocol=text):
            word = text.lower()
            if word in SOCKET_TYPES:
                yield word, held
            elif word in PROTOCOL_NUMBERS:
                yield str(PROTOCOL_NUMBERS[word]), held
        case DomainName(domain=text):
            name = text.strip(".")
            for suffix in _suffixes(policy) if name else ():
                yield name + suffix, held
        case Capability(capability=text):
            yield _capability(text), held
        case _:
            pass


def _suffixes(policy: Policy) -> Iterator[str]:
    yield from ("", ".cluster.local", ".svc.cluster.local", ".domain.name")
    if policy.effective_namespace is not None:
        yield f".{policy.effective_namespace}.svc.cluster.local"


def _capability(text: str) -> str:
    name = (text if "cap_" in text else f"cap_{text}").lower()
    known = name.removeprefix("cap_")
    if name.startswith("cap_") and known in CAPABILITIES and known not in _UNKNOWN_TO_DAEMON:
        return known
    # An unknown name is code 0 to the daemon.
    return "chown"


def _write_all(store: Store, written: list[_Written]) -> None:
    """Writes the `all` rules of a document after its other protocols, in the order of the daemon."""
    rules = [one for one in written if word_of(one.matcher).lower() == "all"]
    seen: set[bool] = set()
    for one in rules:
        if not one.rule.sources and one.held.blocks not in seen:
            seen.add(one.held.blocks)
            _write_types(store, (), one.held)
    for blocks in (False, True):
        named: set[str | None] = set()
        for one in rules:
            if one.held.blocks is blocks:
                fresh = tuple(source for source in one.rule.sources if source not in named)
                named.update(fresh)
                if fresh:
                    _write_types(store, fresh, one.held)


def _write_types(store: Store, sources: tuple[str | None, ...], held: Held) -> None:
    for socket_type in SOCKET_TYPES:
        store.write(sources, socket_type, replace(held, flags=NO_FLAGS))

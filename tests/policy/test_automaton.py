# ruff: noqa: S108  paths of policies, no file is made
from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hauberk.policy.matching import (
    Anything,
    Below,
    Capable,
    DomainBelow,
    Exact,
    Glob,
    InMemory,
    Named,
    OtherProcess,
    Pathless,
    SocketProtocol,
    SocketType,
    Target,
    seen,
    subject_of,
)
from hauberk.policy.model import Access, Domain, Model
from hauberk.policy.patterns import recognizer
from hauberk.policy.realpaths import real_component, real_path
from hauberk.policy.targets import Targets, shortest_paths
from hauberk.policy.wanted import Limit, TargetClass, Wanted
from policy.worlds import DEEP, GLOBS, LONG, NEAR, ODD, TOKENS

Found = dict[frozenset[Target], str]


def search(
    targets: Sequence[Target],
    model: Model = Model.HAUBERK,
    domain: Domain = "file",
    hints: dict[str, list[str]] | None = None,
    limit: Limit | None = None,
) -> tuple[Targets, list[TargetClass]]:
    found = Targets(domain, [(model, target) for target in targets], hints or {}, limit or Limit(), {})
    return found, list(found.classes(Wanted(everything=True)))


def classes(*targets: Target, model: Model = Model.HAUBERK, hints: dict[str, list[str]] | None = None) -> Found:
    """By the matchers that are hit; every class is checked on its witness."""
    search_of, found = search(targets, model, hints=hints)
    assert not search_of.loose
    assert search_of.exhausted is None
    result: Found = {}
    for one in found:
        hits = frozenset(targets[number] for number in one.hits)
        subject = subject_of(model, Access("read", one.target))
        assert hits == {target for target in targets if target.hits(subject)}, one
        assert real_path(one.target) or not one.target.startswith("/"), one
        result.setdefault(hits, one.target)
    return result


def test_nested_directories() -> None:
    etc, ssl = Below("/etc/", deep=True), Below("/etc/ssl/", deep=False)
    assert classes(etc, ssl) == {
        frozenset(): "/x",
        frozenset({etc}): "/etc/x",
        frozenset({etc, ssl}): "/etc/ssl/x",
    }


def test_directory_itself_is_shown_only_where_nothing_else_can_be() -> None:
    shallow, below = Below("/a/", deep=False), Below("/a/", deep=True, itself=False)
    found = classes(shallow, below)
    assert found[frozenset({shallow})] == "/a"
    assert found[frozenset({shallow, below})] == "/a/x"
    assert found[frozenset({below})] == "/a/x/x"


def test_pattern_and_directory() -> None:
    keys, etc, deep = Glob("/etc/*.key"), Below("/etc/", deep=True), Glob("/**/x?{.key,}")
    found = classes(keys, etc, deep)
    assert found[frozenset({keys, etc})] == "/etc/.key"
    assert found[frozenset({keys, etc, deep})] == "/etc/xx.key"
    assert frozenset({keys}) not in found


@pytest.mark.parametrize(
    ("pattern", "witness"),
    [
        ("/*", "/x"),
        ("/**", "/x"),
        ("/a/**/b", "/a/x/b"),
        ("/{a,b/c}/d", "/a/d"),
        ("/[^x]", "/a"),
        ("/[!-/]", "/-"),
        ("/a**b", "/ab"),
        ("/a**/b", "/a/b"),
        ("/?{?,??}", "/xx"),
        ("/{,a}", "/a"),
        ("/\u00e9[\u4e00-\u4e10]", "/\u00e9\u4e00"),
        ("/.", None),
        ("/..", None),
        ("/.?", "/.x"),
        ("/.{.,}", None),
        ("/a//b", None),
        ("/a/", None),
        ("a*", None),
        ("/" + "?" * 255, "/" + "x" * 255),
        ("/" + "?" * 256, None),
        ("/" + "\u00e9" * 128, None),
        ("/[\u0000]", None),
    ],
)
def test_witness_of_a_pattern_is_a_path_that_can_exist(pattern: str, witness: str | None) -> None:
    assert classes(Glob(pattern)).get(frozenset({Glob(pattern)})) == witness


def test_root_is_a_target() -> None:
    pattern, shallow = Glob("/{,a/b}"), Below("/", deep=False)
    assert classes(pattern, shallow)[frozenset({pattern, shallow})] == "/"
    odd = Below("//", deep=False)
    assert classes(odd) == {frozenset(): "/x", frozenset({odd}): "/"}


@pytest.mark.parametrize("path", ["relative", "/a/", "/a//b", "/a/./b", "/a/..", "/a\0", "/" + "n" * 256, ""])
def test_paths_that_cannot_exist_make_no_class(path: str) -> None:
    assert list(classes(Exact(path))) == [frozenset()]


def test_last_component_with_and_without_a_pattern() -> None:
    ls, anywhere, bin_ls = Named("ls"), Glob("/**", "ls"), Glob("/bin/*", "ls")
    found = classes(ls, anywhere, bin_ls)
    assert set(found) == {frozenset(), frozenset({ls, anywhere}), frozenset({ls, anywhere, bin_ls})}
    assert found[frozenset({ls, anywhere, bin_ls})] == "/bin/ls"


def test_a_name_that_is_spelt_leaves_the_others() -> None:
    ab, a = Glob("/d/[ab]"), Exact("/d/a")
    assert classes(ab, a)[frozenset({ab})] == "/d/b"
    both = Glob("/d/{a,b}")
    found = classes(ab, both)
    assert frozenset({ab}) not in found
    assert frozenset({ab, both}) in found


def test_words_run_out() -> None:
    two, one, other = Glob("/[ab]"), Exact("/a"), Exact("/b")
    assert set(classes(two, one, other)) == {frozenset(), frozenset({two, one}), frozenset({two, other})}


def test_known_names_are_preferred() -> None:
    hints = {"/etc/nginx": ["nginx.conf"], "": ["init"]}
    nginx = Below("/etc/nginx/", deep=True)
    assert classes(nginx, hints=hints) == {frozenset(): "/init", frozenset({nginx}): "/etc/nginx/nginx.conf"}


def test_targets_without_a_path() -> None:
    pathless, anything, memory = Pathless(), Anything(), InMemory()
    found = classes(pathless, anything, memory)
    assert found[frozenset({pathless, anything, memory})] == "memfd:x"
    assert found[frozenset({anything, memory})] == "/dev/shm/x"


def test_other_processes() -> None:
    environ, whole = OtherProcess(whole=False), OtherProcess(whole=True)
    found = classes(environ, whole)
    assert found[frozenset({environ, whole})] == "/proc/0/environ"
    assert found[frozenset({whole})] == "/proc/0/x"


# ------------------------------------------------------------------------------------- kubearmor's bounds


def kubearmor(*targets: Target) -> Found:
    return classes(*targets, model=Model.KUBEARMOR)


def test_kubearmor_shallow_directory_covers_what_lies_beyond_its_window() -> None:
    tmp, exact = Below("/tmp/", deep=False, itself=False, window=64), Exact("/tmp/x/x")
    found = kubearmor(tmp, exact)
    assert found[frozenset({tmp})] == "/tmp/a"
    assert found[frozenset({exact})] == "/tmp/x/x"
    long, short = Exact(f"/tmp/{'x' * 59}/f"), Exact(f"/tmp/{'x' * 58}/f")
    assert frozenset({tmp, long}) in kubearmor(tmp, long)
    assert frozenset({tmp, short}) not in kubearmor(tmp, short)
    deep = Below("/tmp/", deep=True, itself=False, window=64)
    found = kubearmor(tmp, deep)
    assert found[frozenset({tmp, deep})] == "/tmp/x"
    assert found[frozenset({deep})] == "/tmp/x/x"


def test_kubearmor_sees_no_more_than_20_components() -> None:
    deep21, deep20 = Exact(DEEP[21]), Exact(DEEP[20])
    assert set(kubearmor(deep21, deep20)) == {frozenset(), frozenset({deep20})}


def test_kubearmor_cuts_paths_at_199_bytes() -> None:
    key, name, longer = Exact(LONG[199]), Named("tool"), Exact(LONG[200])
    found = kubearmor(key, name, longer)
    assert set(found) == {frozenset(), frozenset({key}), frozenset({name}), frozenset({key, name})}
    assert seen(found[frozenset({key, name})]) == LONG[199]


def test_kubearmor_key_that_ends_at_a_slash_or_within_a_character() -> None:
    slash = Exact("/" + "/".join(["d" * 98, "e" * 98]) + "/")
    assert len(slash.path) == 199
    assert frozenset({slash}) in kubearmor(slash)
    split = Exact(seen("/l/" + "y" * 195 + "\u00e9"))
    assert frozenset({split}) in kubearmor(split)


def test_kubearmor_presets_see_the_whole_path_and_rules_its_end() -> None:
    memory, etc = InMemory(), Below("/etc/", deep=True, itself=False, window=64)
    assert kubearmor(memory, etc)[frozenset({memory, etc})].startswith("/dev/shm/etc/")


# ------------------------------------------------------------------------------------- other domains


def enumerated(domain: Domain, *targets: Target, model: Model = Model.HAUBERK) -> dict[frozenset[Target], TargetClass]:
    _, found = search(targets, model, domain)
    return {frozenset(targets[number] for number in one.hits): one for one in found}


def test_sockets() -> None:
    tcp, stream, every, odd = SocketProtocol(6), SocketType("stream"), Anything(), SocketProtocol(99)
    found = enumerated("network", tcp, stream, every, odd)
    socket = found[frozenset({tcp, stream, every})]
    assert (socket.type, socket.protocol) == ("stream", 6)
    assert frozenset({stream, odd, every}) in found
    assert frozenset({every}) in found


def test_domain_names() -> None:
    org, ok = DomainBelow(("x.org", "x.org.svc")), DomainBelow(("ok.x.org",))
    found = enumerated("dns", org, ok)
    assert found[frozenset({org})].target == "x.org"
    assert found[frozenset({org, ok})].target == "ok.x.org"
    assert frozenset() in found


def test_domain_names_of_kubearmor_have_a_depth_and_a_length() -> None:
    org, below = DomainBelow(("x.org",), 10), DomainBelow(("a.b.c.d.e.f.g.h.i.j.x.org",), 10)
    found = enumerated("dns", org, below, model=Model.KUBEARMOR)
    assert frozenset({below}) in found
    assert frozenset({org, below}) in found
    assert set(enumerated("dns", DomainBelow(("l" * 64,), 10), model=Model.KUBEARMOR)) == {frozenset()}


def test_capabilities() -> None:
    kill = Capable("kill")
    assert enumerated("capabilities", kill)[frozenset({kill})].target == "kill"


# ------------------------------------------------------------------------------------- hostile patterns

HOSTILE = [
    [f"/**x{'?' * 20}"],
    [f"/**/*a{number}b*.so" for number in range(40)],
    ["/" + "{a,b}*" * 60],
    [f"/**/{chr(97 + number)}/**" for number in range(26)],
    [f"/**{chr(97 + number)}**" for number in range(26)],
    ["/" + "{,a}" * 5000],
    ["/" + "{" * 3000 + "a" + "}" * 3000],
    [f"/*{chr(97 + number)}*" for number in range(26)],
    [f"/**/{'?' * number}x*" for number in range(2, 60)],
]


@pytest.mark.parametrize("patterns", HOSTILE, ids=[patterns[0][:12] for patterns in HOSTILE])
def test_hostile_patterns_end_in_time_and_are_named(patterns: list[str]) -> None:
    few = Limit(weight=150_000, components=4_000, steps=200_000)
    found, result = search([*map(Glob, patterns), Exact("/etc/passwd")], limit=few)
    assert found.loose or found.exhausted or len(result) < 100
    assert set(found.loose.values()) <= set(patterns)
    assert any(one.target == "/etc/passwd" for one in result)


def test_short_words_of_a_pattern_that_was_given_up() -> None:
    assert next(shortest_paths(f"/**x{'?' * 20}")) == "/x" + "x" * 20
    assert list(shortest_paths("/a//b")) == []


# ------------------------------------------------------------------------------------- against plain search

PATTERNS = st.one_of(
    st.sampled_from(GLOBS),
    st.lists(st.sampled_from(TOKENS), min_size=1, max_size=4).map(lambda tokens: "/" + "".join(tokens)),
).filter(lambda text: recognizer(text) is not None)
DIRECTORIES = st.sampled_from(["/", "/a/", "/a/b/", "/etc/", "/tmp/", "/b/"])
HAUBERKS: st.SearchStrategy[Target] = st.one_of(
    st.sampled_from([*NEAR, *ODD]).map(Exact),
    st.sampled_from(["a", "b", "ls", "x", "tool"]).map(Named),
    st.builds(Below, DIRECTORIES, st.booleans()),
    PATTERNS.map(Glob),
    st.builds(Glob, PATTERNS, st.sampled_from(["a", "b", "x"])),
    st.sampled_from([InMemory(), OtherProcess(whole=True), OtherProcess(whole=False), Anything(), Pathless()]),
)
KUBEARMORS: st.SearchStrategy[Target] = st.one_of(
    st.sampled_from([path for path in (*NEAR, *ODD) if len(path.encode()) <= 199]).map(Exact),
    st.sampled_from(["a", "b", "ls", "x", "tool"]).map(Named),
    st.builds(
        lambda path, deep: Below(path, deep=deep, itself=False, window=64),
        st.one_of(DIRECTORIES, st.sampled_from([f"/tmp/{'a' * 58}/", f"/{'d' * 61}/", f"/{'d' * 62}/"])),
        st.booleans(),
    ),
    st.sampled_from([InMemory(), OtherProcess(whole=True), Anything(), Pathless(root=True)]),
)
LETTERS = st.sampled_from(["a", "b", "c", "x", "etc", "/", "/", "/", ".", "-", "ls", "]", "\u00e9", "a" * 60])
PATHS = st.one_of(st.sampled_from([*NEAR, *ODD]), st.lists(LETTERS, max_size=9).map(lambda parts: "/" + "".join(parts)))


@settings(max_examples=300, deadline=None, derandomize=True)
@given(data=st.data(), model=st.sampled_from(list(Model)), tried=st.lists(PATHS, min_size=1, max_size=12))
def test_every_path_is_in_a_class(data: st.DataObject, model: Model, tried: list[str]) -> None:
    matchers = HAUBERKS if model is Model.HAUBERK else KUBEARMORS
    targets = data.draw(st.lists(matchers, min_size=1, max_size=6, unique=True))
    found = classes(*targets, model=model)
    for path in filter(real_path, tried):
        subject = subject_of(model, Access("read", path))
        assert frozenset(target for target in targets if target.hits(subject)) in found, path


def test_components_that_exist() -> None:
    assert real_component("a\udc80")
    assert not real_component("a\ud800")
    assert not real_component("\udcc3\udca9")
    assert real_path("/" + "/".join(["n" * 255] * 15))
    assert not real_path("/" + "/".join(["n" * 255] * 17))

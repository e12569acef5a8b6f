#!/usr/bin/env bash
# Makes the enforcer's image as an OCI archive, from Debian's packages and our wheel: build.sh OUT.tar [WHEEL]
#   ctr --namespace k8s.io images import OUT.tar      or      skopeo copy oci-archive:OUT.tar docker://REGISTRY/...
# Needs mmdebstrap, Python 3.11 with pip, and root or unprivileged user namespaces; no container engine. Without WHEEL
# it is made from this checkout. With SOURCE_DATE_EPOCH all files have that time.
set -euo pipefail

suite=bookworm
packages=base-files,coreutils,dash,libbpf1,libpython3.11-stdlib,libstdc++6,python3-minimal,util-linux
# of the command line, and of the Kubernetes client's other half: the enforcer loads none of it
unneeded=(aiohttp frozenlist kubernetes/aio multidict propcache ruamel ruamel_yaml wasmtime yarl)

main() {
  local out=$1 wheel=${2:-} here root site version
  here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  root=$work/root site=$work/root/opt/hauberk
  python3 -m venv "$work/venv"
  if [ -z "$wheel" ]; then
    "$work/venv/bin/pip" wheel --quiet --no-deps --wheel-dir "$work" "$here/../.."
    wheel=$(echo "$work"/hauberk-*.whl)
  fi

  # nothing of the packages runs while they are unpacked: what their scripts would do, programs here do not need
  mmdebstrap --quiet --variant=extract --hook-dir=/usr/share/mmdebstrap/hooks/merged-usr --include="$packages" \
    --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
    --dpkgopt='path-exclude=/usr/share/locale/*' --dpkgopt='path-include=/usr/share/doc/*/copyright' \
    "$suite" "$root"
  rm -rf "$root"/usr/share/{bash-completion,bug,doc,info,lintian,locale,man,perl5} "$root"/var/{cache,lib}/apt

  "$work/venv/bin/pip" install --quiet --no-compile --only-binary :all: --python-version 3.11 --implementation cp \
    --platform manylinux_2_28_x86_64 --platform manylinux2014_x86_64 --target "$site" "$wheel[enforcer]"
  for name in "${unneeded[@]}"; do rm -rf "$site/$name" "$site/$name"[-.]*; done
  rm -rf "$site/bin"
  # nobody can write beside them once it runs: each start would compile all that it imports; one 3.11 reads what another
  # has compiled, and no time of a file is asked
  "$work/venv/bin/python" -m compileall -q --invalidation-mode unchecked-hash -s "$root" -p / \
    "$root/usr/lib/python3.11" "$site"
  install -D -m 755 "$here/hauberk-enforcer" "$root/usr/bin/hauberk-enforcer"
  mkdir -p "$root"/{proc,sys,dev,run,tmp}

  version=$(basename "$wheel" | cut -d- -f2)
  python3 "$here/pack.py" "$root" "$out" "docker.io/library/hauberk-enforcer:$version" hauberk-enforcer run
}

main "$@"

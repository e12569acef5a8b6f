#!/usr/bin/env bash
# Makes what the guests run, from Debian's packages only: provision.sh DIR
#   DIR/6.1 DIR/6.12 DIR/7.x   a kernel each: vmlinuz, release (what uname -r says), modules/
#   DIR/base.cpio              the root file system, see root.sh
#   DIR/systemd                what systemd adds to it
#   DIR/runtime                programs: a container runtime that speaks the CRI, and a shell for its images
# DIR appears when it is whole. Nothing of the machine's own apt is touched; only its mirror is asked.
set -euo pipefail

# mirror SUITE OPTION...: where the machine's own sources have this suite; only those tell that apt has the lists of
mirror() {
  local suite=$1
  shift
  # shellcheck disable=SC2016  apt fills these in
  apt-get indextargets "$@" --format '$(RELEASE) $(COMPONENT) $(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' |
    awk -v suite="$suite" '$1 == suite && $2 == "main" && !found++ { print $3 }'
}

# An apt of its own that knows no installed package: it resolves dependencies down to libc.
private_apt() {
  local codename debian security suite lists=()
  codename=$(. /etc/os-release && echo "$VERSION_CODENAME")
  mkdir -p "$work"/{machine,apt/lists,apt/archives}/partial
  debian=$(mirror "$codename")
  if [ -z "$debian" ]; then
    lists=(-o "Dir::State::lists=$work/machine" -o APT::Sandbox::User=root)
    apt-get update -qq "${lists[@]}"
    debian=$(mirror "$codename" "${lists[@]}")
  fi
  [ -n "$debian" ] || { echo "apt has no Debian mirror: no source of $codename main" >&2; exit 1; }
  security=$(mirror "$codename-security" "${lists[@]}")
  : >"$work/apt/status"
  for suite in bookworm bookworm-backports trixie-backports; do
    echo "deb [signed-by=$keyring] $debian $suite main"
  done >"$work/apt/sources.list"
  echo "deb [signed-by=$keyring] ${security:-${debian%/}-security} bookworm-security main" >>"$work/apt/sources.list"
  cat >"$work/apt/conf" <<CONF
Dir::State "$work/apt";
Dir::State::lists "$work/apt/lists";
Dir::State::status "$work/apt/status";
Dir::Cache "$work/apt";
Dir::Etc::sourcelist "$work/apt/sources.list";
Dir::Etc::sourceparts "/dev/null";
APT::Architecture "amd64";
APT::Architectures { "amd64"; };
APT::Sandbox::User "root";
APT::Install-Recommends "false";
Acquire::Languages "none";
Acquire::Retries "3";
Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";
Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled "false";
CONF
  export APT_CONFIG=$work/apt/conf
  apt-get update -qq
}

# newest PATTERN: the package of this name with the highest version in it
newest() {
  local found
  found=$(apt-cache pkgnames linux- | grep -Ex "$1" | sort -V | tail -1) || true
  [ -n "$found" ] || { echo "no package of the mirror is called $1" >&2; exit 1; }
  echo "$found"
}

# unpack FOLDER PACKAGE...
unpack() {
  local folder=$1 package
  shift
  (cd "$work/debs" && apt-get download -qq "$@")
  for package; do dpkg-deb -x "$work/debs/$package"_*.deb "$folder"; done
}

# kernel NAME PACKAGE...
kernel() {
  local name=$1 tree=$work/tree
  shift
  unpack "$tree" "$@"
  mkdir "$work/out/$name"
  # /boot and /lib before 7, all below /usr/lib/modules since
  find "$tree" -name 'vmlinuz*' -exec mv {} "$work/out/$name/vmlinuz" \;
  find "$tree" -path '*/lib/modules/*/kernel' -prune -exec mv {} "$work/out/$name/modules" \;
  echo "${1#linux-*-}" >"$work/out/$name/release"
  rm -rf "$tree"
  echo "kernel $name: ${1#linux-*-}" >&2
}

main() {
  local here out=$1 found
  here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
  keyring=/usr/share/keyrings/debian-archive-keyring.gpg
  [ ! -d "$out" ] || return 0
  mkdir -p "$(dirname "$out")"
  work=$(mktemp -d "$out.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  mkdir "$work/out" "$work/debs"

  private_apt
  found=$(newest 'linux-image-6\.1\.0-[0-9]+-cloud-amd64')
  kernel 6.1 "$found"
  found=$(newest 'linux-image-6\.12\.[0-9]+\+deb12-cloud-amd64')
  kernel 6.12 "$found"
  # from 7 on linux-image is a stub that depends on these two
  found=$(newest 'linux-binary-[0-9.]+\+deb13-cloud-amd64')
  kernel 7.x "$found" "${found/binary/modules}"

  # those of this Debian: its libc is the guests'
  unpack "$work/runtime" containerd runc busybox-static
  mkdir "$work/out/runtime"
  find "$work/runtime" -type f -path '*bin/*' ! -name containerd-stress -exec mv -t "$work/out/runtime" {} +

  "$here/root.sh" "$work" "$here/../../support/newc.py"
  chmod 755 "$work/out"
  mv "$work/out" "$out"
}

# read whole before it runs: the file may change meanwhile
main "$@"

#!/usr/bin/env bash
# Makes WORK/out/base.cpio, the root file system of the guests, and WORK/out/systemd, what systemd adds to it, with the
# apt of provision.sh: root.sh WORK NEWC
# Packages are only unpacked: nothing of them runs, so what their scripts would do and the guests need is done here.
set -euo pipefail

packages=(
  base-files base-passwd bash coreutils crun dash e2fsprogs findutils grep hostname iproute2 libbpf1 libc-bin libpython3.11-stdlib libstdc++6
  mawk mount nginx-light procps python3-minimal sed util-linux
)
# apt is told that these are there: others depend on them for scripts that never run
unneeded=(debconf dpkg init-system-helpers perl perl-base perl-modules-5.36 tar usrmerge util-linux-extra)

fetch() {
  local name
  for name in "${unneeded[@]}"; do
    printf 'Package: %s\nStatus: install ok installed\nArchitecture: amd64\nMulti-Arch: foreign\nVersion: 99\nMaintainer: -\nDescription: -\n\n' \
      "$name"
  done >"$work/apt/status"
  apt-get install -qq --yes --download-only "$@"
}

# unpack ROOT: the packages that were fetched and not unpacked yet
unpack() {
  local root=$1 folder package
  mkdir -p "$root/usr"/{bin,sbin,lib,lib64}
  for folder in bin sbin lib lib64; do ln -s "usr/$folder" "$root/$folder"; done
  for package in "$work"/apt/archives/*.deb; do
    [ ! -e "$package.unpacked" ] || continue
    # a package from before the merge holds the folder itself: tar must follow the link
    dpkg-deb --fsys-tarfile "$package" | tar -x -C "$root" --keep-directory-symlink
    : >"$package.unpacked"
  done
  rm -rf "$root"/usr/share/{bash-completion,bug,doc,info,lintian,locale,man,perl5,zoneinfo} "$root"/var/{cache,lib/apt}
}

slim() {
  rm -rf "$root"/usr/lib/systemd "$root"/usr/lib/x86_64-linux-gnu/{gconv,libcrun.a}
}

configure() {
  cp "$root/usr/share/base-passwd/group.master" "$root/etc/group"
  cp "$root/usr/share/base-passwd/passwd.master" "$root/etc/passwd"
  echo 'user:x:1000:1000::/home/user:/bin/bash' >>"$root/etc/passwd"
  echo 'user:x:1000:' >>"$root/etc/group"
  sed 's/:.*/:*:20000:0:99999:7:::/' "$root/etc/passwd" >"$root/etc/shadow"
  chmod 640 "$root/etc/shadow"
  printf '127.0.0.1 localhost\n::1 localhost\n' >"$root/etc/hosts"
  ln -s mawk "$root/usr/bin/awk"
  ln -s ../sites-available/default "$root/etc/nginx/sites-enabled/default"
  mkdir -p "$root"/home/user "$root"/var/{cache,lib/nginx,www/html}
  cp "$root/usr/share/nginx/html/index.html" "$root/var/www/html/"
  # only faster: all libraries are where the loader looks by itself
  [ "$UID" != 0 ] || ldconfig -r "$root"
}

# Without it the agent's imports take a second and a half more.
compile() {
  local library=$root/usr/lib/python3.11
  rm -rf "$library"/{ensurepip,idlelib,lib2to3,pydoc_data,test,turtledemo}
  PYTHONHOME=$root/usr "$root/usr/lib64/ld-linux-x86-64.so.2" --library-path "$root/usr/lib/x86_64-linux-gnu" \
    "$root/usr/bin/python3.11" -m compileall -q -s "$root" --invalidation-mode unchecked-hash "$library"
}

main() {
  work=$1 root=$1/root
  fetch "${packages[@]}"
  unpack "$root"
  slim
  configure
  compile
  python3 "$2" "$root" "$work/out/base.cpio"
  fetch "${packages[@]}" systemd
  unpack "$work/out/systemd"
}

main "$@"

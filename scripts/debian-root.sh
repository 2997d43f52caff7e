# shellcheck shell=bash
# Sourced by debian13 and debian-sid: runs a command in a Debian of its own, with this checkout and
# this machine's Rust toolchain at their usual paths.
#
# The first run makes the root folder with debootstrap (some minutes, about 1.5 GB). The command's
# builds stay apart from the host's: the command has its own target/, modules/ and build/. All
# mounts are in a mount namespace of the command, and all its processes in a pid namespace, so that
# neither outlives the command.
#
# The sourcing script sets these variables:
#   checkout      this checkout
#   name, self    the script's name, and the command to run it again: with --inside COMMAND... it
#                 is the first process in the root
#   root          the root folder
#   suite         Debian's suite; more_suites: those with packages that this one lacks
#   packages      the packages to install in the root
#   environment   variables for the command, each as NAME=VALUE
: "${checkout:?}" "${name:?}" "${root:?}" "${suite:?}"
declare -a self packages more_suites environment

own=$root-own # what the command builds
cargo_home=${CARGO_HOME:-$HOME/.cargo}
rustup_home=${RUSTUP_HOME:-$HOME/.rustup}

die() { printf '%s: %s\n' "$name" "$*" >&2; exit 2; }

# No package in the root may start a service of its own, because ports and users are the host's.
write_policy() {
  printf '#!/bin/sh\nexit 101\n' >"$1/usr/sbin/policy-rc.d"
  chmod 755 "$1/usr/sbin/policy-rc.d"
}

# A half-made root never gets the final name. Packages that an older root lacks are added.
make_root() {
  local source list=/etc/phpsess-packages wanted="${packages[*]}" mirror
  if [ ! -d "$root" ]; then
    if ! command -v debootstrap >/dev/null; then
      command -v apt-get >/dev/null || die 'debootstrap is missing: install it'
      echo "$name: installing the Debian package debootstrap" >&2
      DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends debootstrap >&2
    fi
    mirror=$("$checkout/scripts/debian-mirror") || exit
    echo "$name: making $root" >&2
    rm -rf --one-file-system "$root.new"
    mkdir -p "$(dirname "$root")"
    debootstrap --variant=minbase "$suite" "$root.new" "$mirror" >"$root.log" 2>&1 ||
      die "debootstrap failed; the end of $root.log: $(tail -n 5 "$root.log")"
    write_policy "$root.new"
    for source in "${more_suites[@]}"; do echo "deb $mirror $source main"; done >>"$root.new/etc/apt/sources.list"
    # If this machine's apt accepts a mirror that is no longer updated, the apt in the root does,
    # too.
    if command -v apt-config >/dev/null; then
      apt-config dump Acquire::Check-Valid-Until >"$root.new/etc/apt/apt.conf.d/90phpsess"
    fi
    mv "$root.new" "$root"
  fi
  ! grep -qxF -- "$wanted" "$root$list" 2>/dev/null || return 0
  echo "$name: installing packages in it" >&2
  {
    in_root / sh -c 'apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$@" && apt-get clean' \
      sh "${packages[@]}"
  } >"$root.log" 2>&1 || die "the installation failed; the end of $root.log: $(tail -n 5 "$root.log")"
  printf '%s\n' "$wanted" >>"$root$list"
}

# in_root FOLDER COMMAND...: runs a command with mounts and processes of its own.
in_root() {
  CARGO_HOME=$cargo_home RUSTUP_HOME=$rustup_home \
    unshare --mount --propagation private --pid --fork --kill-child "${self[@]}" --inside "$@"
}

# The first process of the new pid namespace. It mounts the folders, and stays to reap orphaned
# processes.
inside() {
  local folder=$1 place
  shift
  mount -t proc proc "$root/proc"
  mount --rbind /dev "$root/dev"
  mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
  cp -L /etc/resolv.conf "$root/etc/resolv.conf"
  for place in "$checkout" "$cargo_home" "$rustup_home"; do
    mkdir -p "$root$place"
    [ ! -d "$place" ] || mount --bind "$place" "$root$place"
  done
  for place in target modules build; do
    mkdir -p "$checkout/$place" "$own/$place"
    mount --bind "$own/$place" "$root$checkout/$place"
  done
  # The root trusts the same authorities as the host, because a company's proxy may sit in front of
  # the package registries.
  place=/etc/ssl/certs/ca-certificates.crt
  if [ -f "$place" ] && [ -f "$root$place" ]; then mount --bind "$place" "$root$place"; fi
  # The settings of the host's PHP and its tests do not apply in the root.
  unset CARGO_TARGET_DIR LIBCLANG_PATH MODULE PHP PHP_CGI PHP_CONFIG PHP_FPM RUN_TESTS TMPDIR
  [ -z "${environment+set}" ] || export "${environment[@]}"
  export PATH=$cargo_home/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8
  # The checkout may belong to the user who called sudo.
  export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0=$checkout
  local status=0
  # shellcheck disable=SC2016 # the inner shell expands
  chroot "$root" /bin/sh -c 'cd "$1" && shift && exec "$@"' sh "$folder" "$@" || status=$?
  exit "$status"
}

# run COMMAND...: runs a command, or the process that --inside asks for.
run() {
  if [ "${1:-}" = --inside ]; then
    shift
    inside "$@"
  fi
  [ $# -gt 0 ] || die "which command? For example: scripts/$name make test-php"
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || die 'needs root to make and enter the root folder, and there is no sudo'
    exec sudo --preserve-env=DEBIAN13,DEBIAN_SID,DEBIAN_MIRROR,REDIS_SERVER,JOBS,TEST_TIMEOUT,CI,TERM \
      CARGO_HOME="$cargo_home" RUSTUP_HOME="$rustup_home" "${self[@]}" "$@"
  fi
  unshare --mount --propagation private true 2>/dev/null ||
    die 'this root may not make mount namespaces (CAP_SYS_ADMIN): in a container, run it with --privileged'
  make_root
  in_root "$checkout" "$@"
}

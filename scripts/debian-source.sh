# shellcheck shell=bash
# Sourced by scripts that need a source package of Debian (own-php, php-src-tests). Only apt fetches
# from the archive, with lists of its own, so the machine's configuration stays untouched.

debian_mirror=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/debian-mirror
source_suites=(bookworm trixie sid experimental)

# Fetches the newest version of the source package on the mirror into the current folder. Its signed
# lists come first.
fetch_source() { # fetch_source PACKAGE
  local suite version mirror
  mirror=$("$debian_mirror") || return
  mkdir -p apt/lists/partial apt/cache/archives/partial
  for suite in "${source_suites[@]}"; do
    echo "deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $suite main"
  done >apt/sources.list
  cat >apt/apt.conf <<END
Dir::Etc::SourceList "$PWD/apt/sources.list";
Dir::Etc::SourceParts "/dev/null";
Dir::State::Lists "$PWD/apt/lists";
Dir::Cache "$PWD/apt/cache";
APT::Sandbox::User "$(id -un)";
END
  export APT_CONFIG=$PWD/apt/apt.conf
  apt-get update || return
  for version in $(apt-cache showsrc --only-source "$1" | sed -n 's/^Version: //p' | sort -Vr | uniq); do
    if apt-get source --download-only --only-source "$1=$version"; then return 0; fi
  done
  echo "no version of $1 can be fetched from $mirror (${source_suites[*]})"
  return 1
}

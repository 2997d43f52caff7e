# shellcheck shell=bash
# Sourced by scripts that need the source of a PHP (dist, own-php, php-src-tests): from PHP_SOURCES, a
# folder with archives such as php-8.3.31.tar.xz, or else from Debian. Only apt fetches from Debian's
# archive, with lists of its own, so the machine's configuration stays untouched.

debian_mirror=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/debian-mirror
source_suites=(bookworm trixie sid experimental)
php_sources=${PHP_SOURCES:+$(realpath -m "$PHP_SOURCES")}

# Unpacks the source of a PHP into the folder `source`, or the parts of it that the patterns name. The
# file source.from has the archive's name.
unpack_php() { # unpack_php VERSION [PATTERN...]
  local archive
  if [ -n "$php_sources" ]; then
    archive=$(compgen -G "$php_sources/php-$1.*.tar.?z" | sort -V | tail -n 1) ||
      { echo "$php_sources has no archive of PHP $1"; return 1; }
  else
    fetch_source "php$1" || return
    archive=$(compgen -G "php$1_*.orig.tar.?z")
  fi
  mkdir -p source && tar -xf "$archive" --strip-components 1 -C source --wildcards "${@:2}" &&
    basename "$archive" >source.from
}

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

dnl What `pie install` builds the extension by, as any phpize extension: phpize, configure, make, make install.
dnl
dnl Cargo compiles the extension, so that configure only finds what Cargo needs, and says what is missing. It lies in a
dnl folder of its own because phpize writes a Makefile of its own beside it, and `phpize --clean` removes that.

PHP_ARG_ENABLE([phpsess_rs],
  [whether to build phpsess_rs],
  [AS_HELP_STRING([--disable-phpsess_rs], [Do not build phpsess_rs])],
  [yes])

if test "$PHP_PHPSESS_RS" != "no"; then
  PHPSESS_ROOT=`cd "$abs_srcdir/.." && pwd`
  if test ! -f "$PHPSESS_ROOT/Cargo.toml"; then
    AC_MSG_ERROR([$PHPSESS_ROOT has no Cargo.toml: build in the folder pie of the sources])
  fi

  dnl Rustup installs Cargo into a folder that is not on everybody's PATH.
  AC_PATH_PROG([CARGO], [cargo], [], [$PATH:${CARGO_HOME:-$HOME/.cargo}/bin])
  if test -z "$CARGO"; then
    AC_MSG_ERROR([there is no cargo on PATH or in ${CARGO_HOME:-$HOME/.cargo}/bin: install Rust, by https://rustup.rs or as a package of your system])
  fi

  PHPSESS_RUST_NEEDED=`$SED -n 's/^rust-version = "\(.*\)"$/\1/p' "$PHPSESS_ROOT/Cargo.toml"`
  AC_MSG_CHECKING([for Rust $PHPSESS_RUST_NEEDED or newer])
  PHPSESS_RUST=`cd "$PHPSESS_ROOT" && PATH="\`dirname "$CARGO"\`:$PATH" rustc --version 2>/dev/null | $SED -n 's/^rustc \([[0-9.]]*\).*/\1/p'`
  AC_MSG_RESULT([${PHPSESS_RUST:-none}])
  PHPSESS_OLDER=`printf '%s\n' "$PHPSESS_RUST_NEEDED" "${PHPSESS_RUST:-0}" | sort -t. -k1,1n -k2,2n | head -n 1`
  if test "$PHPSESS_OLDER" != "$PHPSESS_RUST_NEEDED"; then
    AC_MSG_ERROR([Rust ${PHPSESS_RUST:-(no rustc was found)} is too old, $PHPSESS_RUST_NEEDED is needed: run rustup update, or install a newer Rust by https://rustup.rs])
  fi

  dnl Bindgen reads PHP's headers by libclang.
  AC_MSG_CHECKING([for libclang])
  PHPSESS_LIBCLANG=
  for phpsess_folder in "$LIBCLANG_PATH" /usr/lib/llvm-*/lib /usr/lib/llvm*/lib /usr/lib64/llvm*/lib /usr/lib64 /usr/lib /usr/lib/*-linux-gnu /usr/local/lib; do
    for phpsess_file in "$phpsess_folder"/libclang.so "$phpsess_folder"/libclang.so.* "$phpsess_folder"/libclang-*.so*; do
      if test -n "$phpsess_folder" && test -f "$phpsess_file"; then
        PHPSESS_LIBCLANG=$phpsess_file
        break 2
      fi
    done
  done
  AC_MSG_RESULT([${PHPSESS_LIBCLANG:-no}])
  if test -z "$PHPSESS_LIBCLANG"; then
    AC_MSG_ERROR([libclang is missing, by which PHP's headers are read: install libclang-dev (Debian, Ubuntu), clang-devel (Fedora, RHEL) or clang-dev (Alpine), or set LIBCLANG_PATH to its folder])
  fi

  dnl php-config can name phpdbg here, or NONE where only a SAPI is installed.
  PHPSESS_PHP=`$PHP_CONFIG --php-binary`
  case $PHPSESS_PHP in
    */phpdbg* | NONE | "") PHPSESS_PHP=`$PHP_CONFIG --prefix`/bin/php ;;
  esac
  if test ! -x "$PHPSESS_PHP"; then
    AC_MSG_ERROR([$PHPSESS_PHP, the command line of the PHP that $PHP_CONFIG belongs to, is missing: install php-cli])
  fi
  PHPSESS_PHP_CONFIG=`command -v "$PHP_CONFIG"`

  PHP_SUBST([CARGO])
  PHP_SUBST([PHPSESS_ROOT])
  PHP_SUBST([PHPSESS_PHP])
  PHP_SUBST([PHPSESS_PHP_CONFIG])
  dnl Without sources for PHP's own rules nobody else says where the build lies.
  PHP_ADD_BUILD_DIR([.])
  PHP_ADD_MAKEFILE_FRAGMENT([$abs_srcdir/Makefile.frag], [$abs_srcdir], [.])
fi

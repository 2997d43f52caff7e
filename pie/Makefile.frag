# A file, not a phony target: `sudo make install` must find it built, because root's PATH has no Cargo.
$(top_builddir)/modules/phpsess_rs.so:
	cd "$(PHPSESS_ROOT)" && PHP="$(PHPSESS_PHP)" PHP_CONFIG="$(PHPSESS_PHP_CONFIG)" \
		PATH="`dirname "$(CARGO)"`:$$PATH" env -u CARGO_BUILD_TARGET "$(CARGO)" build --release --locked --target-dir "$(top_builddir)/target"
	cp "$(top_builddir)/target/release/libphpsess_rs.so" "$@"

all: $(top_builddir)/modules/phpsess_rs.so

build-modules: $(top_builddir)/modules/phpsess_rs.so

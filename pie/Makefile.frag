# A file, not a phony target: `sudo make install` must find it built, because root's PATH has no Cargo. Another run of
# configure may have been for another PHP.
$(top_builddir)/modules/phpsess_rs.so: $(top_builddir)/config.status
	PHP="$(PHPSESS_PHP)" PHP_CONFIG="$(PHPSESS_PHP_CONFIG)" CARGO="$(CARGO)" PATH="`dirname "$(CARGO)"`:$$PATH" \
		CARGO_TARGET_DIR="$(top_builddir)/target" "$(PHPSESS_ROOT)/scripts/build" "$@" release --locked
	touch "$@"

all: $(top_builddir)/modules/phpsess_rs.so

build-modules: $(top_builddir)/modules/phpsess_rs.so

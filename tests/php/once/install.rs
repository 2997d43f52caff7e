//! `scripts/install`: PHP has loaded every module that the script installs. `scripts/release`: a
//! release has one version everywhere.

use std::path::Path;
use std::process::{Command, Output};

fn install(module: &Path, into: &Path) -> Output {
    install_by("DESTDIR", module, into)
}

fn install_by(variable: &str, module: &Path, into: &Path) -> Output {
    Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/install"))
        .arg(module)
        .env_remove("DESTDIR")
        .env(variable, into)
        .output()
        .expect("scripts/install runs")
}

fn files_in(folder: &Path) -> Vec<String> {
    let found = Command::new("find").arg(folder).args(["-type", "f"]).output().expect("find runs");
    String::from_utf8_lossy(&found.stdout).lines().map(str::to_owned).collect()
}

/// A folder that is removed when this value is dropped.
struct Folder(std::path::PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("phpsess-install-{name}-{}", std::process::id()));
        std::fs::create_dir(&path).expect("a new folder");
        Self(path)
    }

    fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn module() -> std::path::PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    root.join(std::env::var("MODULE").unwrap_or_else(|_| "modules/phpsess_rs.so".to_owned()))
}

#[test]
fn a_module_in_a_folder_with_a_space_is_installed() {
    let folder = Folder::new("spaced");
    let spaced = folder.path().join("a folder/the module.so");
    std::fs::create_dir(spaced.parent().expect("a parent")).expect("a folder");
    std::fs::copy(module(), &spaced).expect("the module was built");
    for variable in ["DESTDIR", "INSTALL_ROOT"] {
        let root = folder.path().join(variable);
        let output = install_by(variable, &spaced, &root);
        assert!(output.status.success(), "{output:?}");
        assert!(String::from_utf8_lossy(&output.stdout).starts_with("Installed "), "{output:?}");
        let files = files_in(&root);
        let modules = files.iter().filter(|file| !file.contains("/usr/local/")).collect::<Vec<_>>();
        assert_eq!(modules.len(), 1, "{variable}: {files:?}");
        assert!(modules[0].ends_with("/phpsess_rs.so"), "{files:?}");
        let command =
            Command::new(root.join("usr/local/bin/rustredis")).arg("help").output().expect("it runs");
        assert!(String::from_utf8_lossy(&command.stdout).contains("doctor"), "{command:?}");
    }
}

#[test]
fn the_command_starts_wherever_php_is_named_from() {
    let folder = Folder::new("interpreter");
    let php = Command::new("sh").args(["-c", "command -v \"${PHP:-php}\""]).output().expect("sh runs").stdout;
    let php = std::fs::canonicalize(String::from_utf8(php).expect("a path").trim()).expect("PHP");
    for name in ["relative", "with a space", "a&b|c", "it's \\ a php"] {
        let root = folder.path().join("root");
        std::os::unix::fs::symlink(&php, folder.path().join(name)).expect("a link");
        let installed = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/install"))
            .arg(module())
            .current_dir(folder.path())
            .env_remove("INSTALL_ROOT")
            .env("DESTDIR", &root)
            .env("PHP", format!("./{name}"))
            .output()
            .expect("scripts/install runs");
        assert!(installed.status.success(), "{installed:?}");
        let command = Command::new(root.join("usr/local/bin/rustredis")).arg("help").output();
        let command = command.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(String::from_utf8_lossy(&command.stdout).contains("doctor"), "{name}: {command:?}");
    }
}

#[test]
fn a_module_that_php_does_not_load_is_not_installed() {
    let folder = Folder::new("broken");
    let broken = folder.path().join("broken.so");
    std::fs::write(&broken, "no library").expect("a file");
    let output = install(&broken, &folder.path().join("root"));
    assert!(!output.status.success(), "{output:?}");
    assert!(!String::from_utf8_lossy(&output.stdout).contains("Installed"), "{output:?}");
    assert!(files_in(&folder.path().join("root")).is_empty());
}

/// A user without sudo may write where PHP's modules are, and nowhere else.
#[test]
fn a_user_who_may_not_write_to_prefix_installs_nothing_or_sets_it() {
    let folder = Folder::new("user");
    let path = |name: &str| folder.path().join(name);
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let sh = |line: &str| {
        let status = Command::new("sh").args(["-c", line]).current_dir(folder.path()).status();
        assert!(status.expect("sh runs").success(), "{line}");
    };
    // The user may not be able to reach the checkout.
    let copies = format!("{0}/scripts {0}/command {1}", root.display(), module().display());
    sh(&format!("cp -r {copies} . && mkdir bin modules own"));
    let is_root = Command::new("id").arg("-u").output().expect("id runs").stdout == b"0\n";
    if is_root {
        sh("chown 65534 modules own");
    }
    sh("ln -s /usr/bin/* bin; rm -f bin/sudo bin/php-config");
    let modules = path("modules");
    let says = format!("[ \"$1\" != --extension-dir ] || {{ echo '{}'; exit; }}", modules.display());
    sh(&format!(
        "real=$(command -v \"${{PHP_CONFIG:-php-config}}\"); \
         printf '%s\\n' '#!/bin/sh' '{}' \"exec $real \\\"\\$@\\\"\" >bin/php-config; chmod 755 bin/php-config",
        says.replace('\'', "'\\''")
    ));
    let install = |prefix: &Path| {
        let mut command = Command::new(if is_root { "/usr/bin/setpriv" } else { "env" });
        if is_root {
            command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]);
        }
        command.arg(path("scripts/install")).arg(path("phpsess_rs.so"));
        command.env("PATH", path("bin")).env("PREFIX", prefix);
        command
            .env_remove("DESTDIR")
            .env_remove("PHP_CONFIG")
            .env_remove("PHP")
            .output()
            .expect("setpriv runs")
    };
    let refused = install(Path::new("/usr/local"));
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(!refused.status.success() && said.contains("set PREFIX"), "{refused:?}");
    assert!(files_in(&modules).is_empty());
    let done = install(&path("own"));
    assert!(done.status.success(), "{done:?}");
    assert!(modules.join("phpsess_rs.so").exists() && path("own/bin/rustredis").exists());
}

/// This Makefile and its scripts around a crate of a few lines that is built like the extension:
/// its dependency reads `php-config`, and Cargo knows only the name of that program. The texts of
/// the crate are in the library.
struct Sources(Folder);

impl Sources {
    const MODULE: &str = "a folder/the module.so";

    fn new(name: &str) -> Self {
        let sources = Self(Folder::new(name));
        let from = Path::new(env!("CARGO_MANIFEST_DIR"));
        let copied = Command::new("cp")
            .args(["-r", "Makefile", "scripts", "pie"])
            .arg(sources.path(""))
            .current_dir(from)
            .status();
        assert!(copied.expect("cp runs").success());
        sources.write(
            "Cargo.toml",
            "[package]\nname = 'phpsess_rs'\nversion = '1.0.0'\nedition = '2024'\nrust-version = \"1.85\"\n\
             [lib]\ncrate-type = ['cdylib']\n[dependencies]\next-php-rs = { path = 'ext' }\n\
             [profile.valgrind]\ninherits = 'release'\n",
        );
        sources
            .write("ext/Cargo.toml", "[package]\nname = 'ext-php-rs'\nversion = '1.0.0'\nedition = '2024'\n");
        sources.write("ext/src/lib.rs", "pub const PHP: &str = env!(\"PHP_SAYS\");");
        sources.write(
            "ext/build.rs",
            r#"fn main() {
                println!("cargo:rerun-if-env-changed=PHP_CONFIG");
                let name = std::env::var("PHP_CONFIG").unwrap();
                let said = std::process::Command::new(name).arg("--version").output().unwrap().stdout;
                println!("cargo:rustc-env=PHP_SAYS={}", String::from_utf8(said).unwrap());
            }"#,
        );
        sources.set_php("the-first");
        sources.set_text("old text");
        sources
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        std::fs::write(path, text).expect("a file");
    }

    /// Puts another release of this PHP version under the same name.
    fn set_php(&self, release: &str) {
        self.set_version(&format!("$(php-config --version | cut -d. -f1,2).{release}"));
    }

    fn set_version(&self, version: &str) {
        self.write(
            "php-config",
            &format!(
                "#!/bin/sh\n[ \"$1\" != --version ] || {{ echo {version}; exit; }}\nexec php-config \"$@\"\n"
            ),
        );
        assert!(
            Command::new("chmod").arg("755").arg(self.path("php-config")).status().expect("chmod").success()
        );
    }

    fn set_text(&self, text: &str) {
        self.write(
            "src/lib.rs",
            &format!(
                "#[unsafe(no_mangle)]\npub extern \"C\" fn texts(second: bool) -> *const u8 {{ \
                 if second {{ ext_php_rs::PHP.as_ptr() }} else {{ \"{text}\".as_ptr() }} }}"
            ),
        );
    }

    fn make(&self, arguments: &[&str], environment: &[(&str, &str)]) -> Output {
        let mut make = Command::new("make");
        make.args(arguments).current_dir(self.path("")).env("PHP_CONFIG", self.path("php-config"));
        // The variables of the make and cargo that run this test must not reach the inner make.
        for name in ["MAKEFLAGS", "MFLAGS", "MODULE", "CARGO_TARGET_DIR", "CARGO_BUILD_TARGET", "CARGO"] {
            make.env_remove(name);
        }
        make.envs(environment.iter().copied()).output().expect("make runs")
    }

    fn build(&self, environment: &[(&str, &str)]) {
        let output = self.make(&[&format!("MODULE={}", Self::MODULE)], environment);
        assert!(output.status.success(), "{output:?}");
    }

    fn has(&self, module: &str, text: &str) -> bool {
        let library = std::fs::read(self.path(module)).expect("make has written it");
        library.windows(text.len()).any(|bytes| bytes == text.as_bytes())
    }
}

/// The name of this machine among Cargo's targets.
fn host() -> String {
    let said = Command::new("rustc").arg("-vV").output().expect("rustc runs").stdout;
    let said = String::from_utf8(said).expect("a text");
    said.lines().find_map(|line| line.strip_prefix("host: ")).expect("the host").to_owned()
}

#[test]
fn another_php_under_the_same_name_gets_a_module_of_its_own() {
    let sources = Sources::new("switched");
    for version in ["the-first", "the-second", "the-first"] {
        sources.set_php(version);
        sources.build(&[]);
        assert!(sources.has(Sources::MODULE, version), "{version}");
    }
    let again = sources.make(&[&format!("MODULE={}", Sources::MODULE)], &[]);
    assert!(!String::from_utf8_lossy(&again.stderr).contains("Compiling"), "{again:?}");
}

#[test]
fn headers_of_another_php_are_refused() {
    let sources = Sources::new("mixed");
    sources.set_version("7.4.99");
    let output = sources.make(&[&format!("MODULE={}", Sources::MODULE)], &[]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains("is for 7.4.99: set PHP and PHP_CONFIG"), "{output:?}");
    assert!(!sources.path(Sources::MODULE).exists());
}

/// Root's `PATH` may have a distribution's Rust, and the user's has built the module.
#[test]
fn an_old_rust_is_named_and_installs_what_was_built() {
    let sources = Sources::new("old");
    sources.write("bin/rustc", "#!/bin/sh\necho 'rustc 1.63.0 (Debian)'\n");
    sources.write("bin/cargo", "#!/bin/sh\necho 'error: failed to parse manifest' >&2\nexit 101\n");
    let sh = |line: &str| {
        let status = Command::new("sh").args(["-c", line]).current_dir(sources.path("")).status();
        assert!(status.expect("sh runs").success(), "{line}");
    };
    sh("chmod 755 bin/*");
    let path = format!("{}:{}", sources.path("bin").display(), std::env::var("PATH").expect("a PATH"));
    let refused = sources.make(&["MODULE=built.so"], &[("PATH", &path)]);
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(!refused.status.success() && said.contains("Rust 1.63.0 is too old, 1.85.0 is needed"), "{said}");
    sh(concat!("cp -r ", env!("CARGO_MANIFEST_DIR"), "/command ."));
    std::fs::copy(module(), sources.path("built.so")).expect("the module was built");
    let root = sources.path("root").display().to_string();
    let installed = sources.make(&["install", "MODULE=built.so"], &[("PATH", &path), ("DESTDIR", &root)]);
    assert!(installed.status.success(), "{installed:?}");
    assert!(sources.path("root/usr/local/bin/rustredis").exists());
}

#[test]
fn sources_of_an_older_date_are_built_as_well() {
    let sources = Sources::new("dates");
    sources.build(&[]);
    let restore = || {
        sources.set_text("a text of before");
        let file = std::fs::File::options().write(true).open(sources.path("src/lib.rs")).expect("a file");
        let day = std::time::Duration::from_hours(24);
        file.set_modified(std::time::SystemTime::now() - day).expect("its date can be set");
    };
    restore();
    sources.build(&[]);
    assert!(sources.has(Sources::MODULE, "a text of before"));
    // Cargo was run by hand in between, for sources that are no longer there.
    sources.set_text("a text of in between");
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--release"]).current_dir(sources.path(""));
    let by_hand = cargo.env("PHP_CONFIG", sources.path("php-config")).env_remove("CARGO_TARGET_DIR").status();
    assert!(by_hand.expect("cargo runs").success());
    restore();
    sources.build(&[]);
    assert!(sources.has(Sources::MODULE, "a text of before"));
    let again = sources.make(&[&format!("MODULE={}", Sources::MODULE)], &[]);
    assert!(!String::from_utf8_lossy(&again.stderr).contains("Compiling"), "{again:?}");
}

#[test]
fn make_takes_the_file_that_cargo_has_built_wherever_it_is() {
    let sources = Sources::new("places");
    sources.build(&[]);
    assert!(sources.has(Sources::MODULE, "old text"));
    let host = host();
    for (text, variable, config) in [
        ("by CARGO_BUILD_TARGET", ("CARGO_BUILD_TARGET", &*host), String::new()),
        ("by CARGO_TARGET_DIR", ("CARGO_TARGET_DIR", "else where"), String::new()),
        ("by build.target", ("NONE", ""), format!("[build]\ntarget = '{host}'\n")),
        ("by build.target-dir", ("NONE", ""), "[build]\ntarget-dir = 'an other'\n".to_owned()),
    ] {
        sources.write(".cargo/config.toml", &config);
        sources.set_text(text);
        sources.build(&[variable]);
        assert!(sources.has(Sources::MODULE, text), "{text}");
    }
}

#[test]
fn so_does_pie_which_builds_again_once_it_is_configured_again() {
    let sources = Sources::new("pie");
    let root = sources.path("");
    let built = "pie/modules/phpsess_rs.so";
    let arguments = [
        "-f".to_owned(),
        "pie/Makefile.frag".to_owned(),
        format!("top_builddir={}", sources.path("pie").display()),
        format!("PHPSESS_ROOT={}", root.display()),
        "PHPSESS_PHP=php".to_owned(),
        format!("PHPSESS_PHP_CONFIG={}", sources.path("php-config").display()),
        format!("CARGO={}", env!("CARGO")),
        "all".to_owned(),
    ];
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let locked = Command::new(env!("CARGO")).arg("generate-lockfile").current_dir(&root).status();
    assert!(locked.expect("cargo runs").success());
    sources.write(".cargo/config.toml", &format!("[build]\ntarget = '{}'\n", host()));
    for version in ["the-first", "the-second"] {
        sources.set_php(version);
        sources.write("pie/config.status", "");
        let output = sources.make(&arguments, &[]);
        assert!(output.status.success(), "{output:?}");
        assert!(sources.has(built, version), "{version}");
    }
    let again = sources.make(&arguments, &[("PATH", "/usr/bin:/bin")]);
    assert!(!String::from_utf8_lossy(&again.stdout).contains("scripts/build"), "{again:?}");
}

/// A git repository with the files that have a version.
struct Release(Folder);

impl Release {
    const FILES: [&str; 10] = [
        "README.md",
        "Cargo.toml",
        "Cargo.lock",
        "CHANGELOG.md",
        "composer.json",
        "stubs/composer.json",
        "command/composer.json",
        "docs/install.md",
        "packaging/debian/control",
        "scripts/release",
    ];

    fn new(name: &str) -> Self {
        let release = Self(Folder::new(name));
        let from = Path::new(env!("CARGO_MANIFEST_DIR"));
        for file in Self::FILES {
            let to = release.0.path().join(file);
            std::fs::create_dir_all(to.parent().expect("a parent")).expect("a folder");
            std::fs::copy(from.join(file), to).expect("a copy");
        }
        // The real list of changes may just have been released.
        release.replace("CHANGELOG.md", "## Unreleased\n", "## Unreleased\n\nA change.\n");
        // So may the owner's address have been written.
        release.replace("packaging/debian/control", "Maintainer: ", "Maintainer: A <a@example.org>\nX-Was: ");
        release.git(&["init", "-q"]);
        release.commit();
        release
    }

    fn git(&self, arguments: &[&str]) {
        let identity = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"];
        let output = Command::new("git").args(identity).args(arguments).current_dir(self.0.path()).output();
        let output = output.expect("git runs");
        assert!(output.status.success(), "{output:?}");
    }

    fn commit(&self) {
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "--allow-empty", "-m", "release"]);
    }

    fn replace(&self, file: &str, old: &str, new: &str) {
        let path = self.0.path().join(file);
        let text = std::fs::read_to_string(&path).expect("a file");
        assert!(text.contains(old), "{file} has no {old}");
        std::fs::write(path, text.replacen(old, new, 1)).expect("a file");
    }

    fn run(&self, arguments: &[&str]) -> Result<String, String> {
        let output = Command::new(self.0.path().join("scripts/release")).args(arguments).output();
        let output = output.expect("scripts/release runs");
        let text = |bytes| String::from_utf8(bytes).expect("text");
        if output.status.success() { Ok(text(output.stdout)) } else { Err(text(output.stderr)) }
    }
}

#[test]
fn a_release_has_one_version_everywhere() {
    let release = Release::new("release");
    for no_version in ["v9.8.7", "9.8", "09.8.7", "9.8.7-rc01", "9.8.7-RC1"] {
        assert!(release.run(&["--set", no_version]).expect_err(no_version).contains("no version"));
    }
    release.run(&["--set", "9.8.7"]).expect("a new version");
    let refusal = release.run(&["--check"]).expect_err("nothing is committed");
    assert!(refusal.contains("uncommitted changes") && refusal.contains("CHANGELOG.md"), "{refusal}");
    release.commit();
    assert_eq!(release.run(&["--check"]).as_deref(), Ok("release: 9.8.7 agrees everywhere\n"));
    assert!(release.run(&["--notes"]).expect("the notes").starts_with("A change.\n"));
    assert!(release.run(&["--check", "v9.8.7"]).expect_err("another tag").contains("'v9.8.7'"));
    release.git(&["tag", "9.8.6"]);
    assert!(release.run(&["--check"]).expect_err("another tag").contains("'9.8.6'"));
    assert!(release.run(&["--check", "9.8.7"]).is_ok());
}

#[test]
fn a_release_comes_after_the_one_before() {
    let release = Release::new("order");
    for (next, earlier) in [
        ("9.8.7-beta1", "9.8.7-alpha1"),
        ("9.8.7-rc2", "9.8.7-rc2"),
        ("9.8.7", "9.8.7-rc1"),
        ("9.10.0", "9.9.0"),
    ] {
        release.run(&["--set", next]).expect(next);
        release.replace("CHANGELOG.md", "## Unreleased\n", "## Unreleased\n\nA change.\n");
        let refusal = release.run(&["--set", earlier]).expect_err(earlier);
        assert!(refusal.contains(&format!("{earlier} does not come after {next}")), "{refusal}");
    }
}

#[test]
fn a_candidate_becomes_a_release_without_a_change() {
    let release = Release::new("candidate");
    for candidate in ["9.8.7-beta1", "9.8.7-rc1"] {
        release.run(&["--set", candidate]).expect(candidate);
        release.commit();
        release.run(&["--check"]).expect("a page may say that there is no release yet");
        release.replace(
            "CHANGELOG.md",
            "## Unreleased\n",
            &format!("## Unreleased\n\nFound in {candidate}.\n"),
        );
    }
    assert!(!release.run(&["--notes"]).expect("the notes").contains("A change."));
    release.replace("CHANGELOG.md", "\nFound in 9.8.7-rc1.\n", "");
    release.run(&["--set", "9.8.7"]).expect("the candidate is good");
    let notes = release.run(&["--notes"]).expect("the notes");
    assert!(notes.starts_with("Found in 9.8.7-beta1.\n") && notes.contains("\nA change.\n"), "{notes}");
    assert!(release.run(&["--set", "9.8.8"]).expect_err("nothing changed").contains("has nothing"));
}

#[test]
fn the_install_page_stays_at_the_last_release_for_a_candidate() {
    let release = Release::new("page");
    let page = || std::fs::read_to_string(release.0.path().join("docs/install.md")).expect("the page");
    // Nothing else can be installed before the first release.
    for (version, named) in
        [("9.8.7-rc1", "9.8.7-rc1"), ("9.8.7", "9.8.7"), ("9.9.0-rc1", "9.8.7"), ("9.9.0", "9.9.0")]
    {
        release.run(&["--set", version]).expect(version);
        release.commit();
        release.run(&["--check"]).expect(version);
        assert!(page().contains(&format!("\nVERSION={named}\n")), "{version}");
        release.replace("CHANGELOG.md", "## Unreleased\n", "## Unreleased\n\nA change.\n");
    }
}

#[test]
fn packages_are_made_of_this_version_alone() {
    let dist = Folder::new("dist");
    let run = |script: &str, option: &[&str]| {
        let mut command = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts").join(script));
        let output = command.args(option).env("DIST", dist.path()).output().expect("the script runs");
        (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let zip = |version: &str| format!("php_phpsess_rs-{version}_php8.2-x86_64-linux-glibc.zip");
    let other = zip("0.0.1");
    std::fs::write(dist.path().join(&other), "").expect("a file");
    let own = format!("of {}", env!("CARGO_PKG_VERSION"));
    for (script, option) in [("deb", &[][..]), ("rpm", &[]), ("dist", &["--sums"])] {
        let (is_made, said) = run(script, option);
        assert!(!is_made && said.contains(&own) && said.lines().count() == 1, "{script}: {said}");
    }
    assert!(!dist.path().join("SHA256SUMS").exists());
    let own = zip(env!("CARGO_PKG_VERSION"));
    std::fs::write(dist.path().join(&own), "").expect("a file");
    assert_eq!(run("dist", &["--sums"]), (true, String::new()));
    let sums = std::fs::read_to_string(dist.path().join("SHA256SUMS")).expect("the checksums");
    assert!(sums.ends_with(&format!("  {own}\n")) && sums.lines().count() == 1, "{sums}");
}

#[test]
fn a_release_names_each_file_with_another_version() {
    let release = Release::new("disagreement");
    release.run(&["--set", "9.8.7"]).expect("a new version");
    for (file, old, new) in [
        ("Cargo.lock", "\"9.8.7\"", "\"9.8.6\""),
        ("CHANGELOG.md", "## 9.8.7, ", "## 9.8.6, "),
        ("CHANGELOG.md", "## Unreleased\n", "## Unreleased\n\nAnother change.\n"),
        ("composer.json", "    \"type\"", "    \"version\": \"9.8.7\",\n    \"type\""),
        ("stubs/composer.json", "    \"type\"", "    \"version\": \"9.8.7\",\n    \"type\""),
        ("command/composer.json", "    \"type\"", "    \"version\": \"9.8.7\",\n    \"type\""),
        ("docs/install.md", "VERSION=9.8.7", "VERSION=9.8.6"),
        ("README.md", "## Install\n", "## Install\n\nThe first release is still to come.\n"),
        ("packaging/debian/control", "<a@example.org>", "<a@phpsess-rs.invalid>"),
    ] {
        release.replace(file, old, new);
        release.commit();
        let refusal = release.run(&["--check", "9.8.7"]).expect_err(file);
        assert!(refusal.contains(file) && refusal.lines().count() == 1, "{file}: {refusal}");
        release.replace(file, new, old);
    }
    release.commit();
    release.run(&["--check", "9.8.7"]).expect("all agree again");
}

# shellcheck shell=bash
# Sourced by what runs checks: counts them, and closes with the one line `N passed, N failed[, N skipped]`.

passed=0 failed=0 skipped=0
failed_suites=()
logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT

# Counters read a suite's log and print passed, failed, skipped. This one takes the closing line of whatever was
# counted by these very functions, or by php-tests/run.
count_closing_line() {
  awk '/^[0-9]+ passed, [0-9]+ failed(, [0-9]+ skipped)?$/ { split($0, n, " ") }
       END { print n[1] + 0, n[3] + 0, n[5] + 0 }' "$1"
}

# Runs a command and adds what its counter finds in its output. A suite that breaks off before it has counted (it
# does not compile, it is killed, it takes too long) is one failure.
suite() { # suite NAME COUNTER COMMAND...
  local name=$1 counter=$2 log=$logs/$1.log status=0 p f s
  shift 2
  echo "== $name: $*"
  "$@" 2>&1 </dev/null | tee "$log" || status=$?
  read -r p f s < <("$counter" "$log")
  if { [ "$status" -ne 0 ] && [ "$f" -eq 0 ]; } || [ $((p + f + s)) -eq 0 ]; then
    echo "== $name broke off (exit $status)"
    f=$((f + 1))
  fi
  [ "$f" -eq 0 ] || failed_suites+=("$name")
  passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
}

# The end of what each failed suite said.
show_failed_suites() {
  local name
  for name in "${failed_suites[@]}"; do
    printf '\n== %s failed; its log ends with\n' "$name"
    tail -n 60 "$logs/$name.log"
  done
}

# Prints the closing line; is true if nothing failed.
closing_line() {
  local line="$passed passed, $failed failed"
  [ "$skipped" -eq 0 ] || line+=", $skipped skipped"
  printf '\n%s\n' "$line"
  [ "$failed" -eq 0 ]
}

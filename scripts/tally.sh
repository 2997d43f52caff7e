# shellcheck shell=bash
# Sourced by scripts that run checks: counts the checks, and closes with the line
# `N passed, N failed[, N skipped]`.

passed=0 failed=0 skipped=0
failed_suites=()
logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT

# Counters read a suite's log and print passed, failed, skipped. This counter reads the closing line
# of a script that counts with these functions, or of php-tests/run.
count_closing_line() {
  awk '/^[0-9]+ passed, [0-9]+ failed(, [0-9]+ skipped)?$/ { split($0, n, " ") }
       END { print n[1] + 0, n[3] + 0, n[5] + 0 }' "$1"
}

# Runs a command and adds the counts in its output. A suite that breaks off before it has counted
# (it does not compile, is killed, or takes too long) is one failure.
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

# Prints the end of the output of each failed suite.
show_failed_suites() {
  local name
  for name in "${failed_suites[@]}"; do
    printf '\n== %s failed; its log ends with\n' "$name"
    tail -n 60 "$logs/$name.log"
  done
}

# Prints the closing line. Succeeds if nothing failed.
closing_line() {
  local line="$passed passed, $failed failed"
  [ "$skipped" -eq 0 ] || line+=", $skipped skipped"
  printf '\n%s\n' "$line"
  [ "$failed" -eq 0 ]
}

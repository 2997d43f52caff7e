# bash completion for rustredis, as `rustredis completion` prints it
_rustredis() {
  local current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} command='' words='' options='' i
  for ((i = 1; i < COMP_CWORD; i++)); do
    case ${COMP_WORDS[i]} in
      --ini | --pool | --save-path) ((i++)) ;;
      -*) ;;
      *) command=${COMP_WORDS[i]}; break ;;
    esac
  done
  case $command in
    '') words='status doctor count top user revoke show lock unlock aside export import metrics completion help' ;;
    status) words='' options='' ;;
    doctor) words='' options='--workers --servers --project' ;;
    count) words='sessions locks asides' options='' ;;
    top) words='' options='--interval --once' ;;
    user) words='' options='' ;;
    revoke) words='' options='--handle' ;;
    show) words='' options='--data' ;;
    lock) words='' options='' ;;
    unlock) words='' options='' ;;
    aside) words='list show restore' options='--data --replace' ;;
    export) words='' options='--force --resume' ;;
    import) words='' options='--from --from-prefix --owner --replace --resume' ;;
    metrics) words='' options='' ;;
    completion) words='bash' options='' ;;
  esac
  case $before in
    --ini | --pool | --project) mapfile -t COMPREPLY < <(compgen -f -- "$current"); return ;;
    --save-path | --from | --from-prefix | --interval | --workers | --servers | --handle) return ;;
  esac
  if [[ $current == -* ]]; then
    words="$options --ini --pool --save-path --json --help --version --quiet --no-interaction --ansi --no-ansi"
  elif [[ $command == export || $command == import ]]; then
    mapfile -t COMPREPLY < <(compgen -f -- "$current"); return
  fi
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
}
complete -F _rustredis rustredis

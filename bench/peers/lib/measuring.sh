# shellcheck shell=bash disable=SC2154 # set by bench/run
# One measurement after the other, and how far they are.

# plan: "round workload peer cost" of every measurement, in $cells. The peers of a workload stand side by side; every
# other round goes through them backwards, so that none always comes after the same neighbour.
plan() {
  local round workload peer row
  cells=()
  for ((round = 1; round <= rounds; round++)); do
    for workload in $(workload_names); do
      chosen "$workload" "$only" || continue
      describe "$workload"
      ((round <= most_rounds)) || continue
      row=()
      for peer in ${present[@]+"${present[@]}"}; do
        ((round % 2)) || [[ "$CORE" == *" $peer "* ]] || continue
        meet "$peer"
        fits "$workload" "$peer" || continue
        if ((round % 2)); then
          row+=("$round $workload $peer $cost")
        else
          row=("$round $workload $peer $cost" ${row[@]+"${row[@]}"})
        fi
      done
      ((${#row[@]})) || continue
      cells+=("${row[@]}")
      ((round > 1)) || workload_line "$workload"
    done
  done
  ((${#cells[@]})) || die "no workload is called that, or no peer fits; --list names them"
}

# Measures all of $cells, and says what is going on: what, which round of how many, and about how long it will take.
carry_out() {
  local cell at=0 planned=0 done_cost=0 begun="$SECONDS" left round workload peer cost
  for cell in "${cells[@]}"; do planned=$((planned + ${cell##* })); done
  for cell in "${cells[@]}"; do
    read -r round workload peer cost <<<"$cell"
    left=$((planned - done_cost))
    # What the plan says, corrected by what it took so far.
    ((done_cost < 20)) || left=$((left * (SECONDS - begun) / done_cost))
    say "[$((++at))/${#cells[@]}] $workload, $peer, round $round of $rounds; about $(((left + 59) / 60)) min left"
    measure "$round" "$workload" "$peer"
    done_cost=$((done_cost + cost))
  done
}

# measure ROUND WORKLOAD PEER: starts the peer, gives it the work, and ends it. A line in the results either way.
measure() {
  local status=0 said
  describe "$2"
  meet "$3"
  work="$(mktemp -d "$target/run.XXXXXX")"
  find_port || die "no free port"
  port="$port_found"
  find_port || die "no free port"
  auth_port="$port_found"
  if ! start; then
    said="$(tail -n 3 "$work/log" 2>/dev/null || true)"
    broken "$@" "it did not start, and said: ${said:-nothing}"
  else
    generate "$3" || status=$?
    if ((status == 0)) && [[ -s "$scratch/result" ]]; then
      printf '{"kind":"measured","peer":"%s","workload":"%s","round":%s,"result":%s}\n' \
        "$3" "$2" "$1" "$(<"$scratch/result")" >>"$raw"
      say "      $(gist)"
    else
      broken "$@" "the generator ended with $status: $(grep -v '^ *$' "$scratch/generator.log" | tail -n 3)"
    fi
  fi
  end_all
  rm -rf "$work"
  work=""
}

# generate PEER: runs the generator on the server that was started; what it says is in $scratch. One that does not come
# to an end is ended.
generate() {
  local options=("${work_options[@]}" --port "$port" --pid "$pids" --auth-port "$auth_port" --key "$key" --label "$1")
  local status=0
  [[ -z "$pids2" ]] || options+=(--pid2 "$pids2")
  [[ -z "$publish_port" ]] || options+=(--publish-port "$publish_port")
  timeout --kill-after=5 "$((cost * 4 + 120))" "$load" "${options[@]}" ${generator[@]+"${generator[@]}"} \
    >"$scratch/result" 2>"$scratch/generator.log" &
  started+=("$!")
  wait "$!" || status=$?
  unset 'started[-1]' # it has been waited for: its id may be somebody else's soon
  return "$status"
}

broken() {
  say "      broken: $4"
  line broken peer="$3" workload="$2" round="$1" reason="$4"
}

# The result in $scratch in a few words.
gist() {
  local field value
  for field in delivered expected deliveries_per_s cpu_per_million kib_per_connection delivery_p50_ms delivery_p99_ms storm_seconds bottleneck; do
    value="$(field "$field")"
    [[ -z "$value" || "$value" == null || "$value" =~ ^0(\.0)?$ ]] || printf '%s %s  ' "$field" "$value"
  done
}

field() { grep -o "\"$1\":[^,}]*" "$scratch/result" | head -1 | cut -d: -f2- | tr -d '"'; }

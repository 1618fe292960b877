# shellcheck shell=bash disable=SC2015,SC2034,SC2154 # read and set by bench/run
# Processes and ports of the benchmark: everything that is started is noted, and ended by its id.

started=() # process ids, in the order of their start

# launch COMMAND...: starts it in the background, its output in $work/log. Its id is in $launched.
launch() {
  "$@" >>"$work/log" 2>&1 &
  launched=$!
  started+=("$launched")
}

# Ends what was started, the last first; what does not listen is killed. Children of what was started end with it.
end_all() {
  local pid family=()
  for pid in ${started[@]+"${started[@]}"}; do
    mapfile -t -O "${#family[@]}" family < <(family_of "$pid")
  done
  ((${#family[@]})) || return 0
  for ((i = ${#started[@]} - 1; i >= 0; i--)); do
    kill -TERM "${started[i]}" 2>/dev/null || true
  done
  await_end 100 "${family[@]}" || kill -KILL "${family[@]}" 2>/dev/null || true
  await_end 50 "${family[@]}" || true
  for pid in "${started[@]}"; do
    wait "$pid" 2>/dev/null || true
  done
  started=()
}

# A process and its descendants.
family_of() {
  local child
  [[ -d "/proc/$1" ]] || return 0
  echo "$1"
  for child in $(cat "/proc/$1/task/"*/children 2>/dev/null || true); do
    family_of "$child"
  done
}

# await_end TENTHS PID...: whether all are gone (or waited for by nobody but us) within so many tenths of a second.
await_end() {
  local left="$1" pid
  shift
  for pid in "$@"; do
    while alive "$pid"; do
      ((left-- > 0)) || return 1
      sleep 0.1
    done
  done
}

alive() {
  local state
  state="$(sed -n 's/^State:[[:space:]]*\(.\).*/\1/p' "/proc/$1/status" 2>/dev/null || true)"
  [[ -n "$state" && "$state" != Z ]]
}

listening() {
  (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

# A port that nobody listens at, below those that the kernel gives to clients. It is in $port_found.
taken=" "
find_port() {
  local tries
  for ((tries = 0; tries < 200; tries++)); do
    port_found=$((20000 + RANDOM % 12000))
    [[ "$taken" != *" $port_found "* ]] || continue
    listening "$port_found" && continue
    taken+="$port_found "
    return 0
  done
  echo "no free port between 20000 and 32000" >&2
  return 1
}

# await_port PORT: until somebody listens there; fails when what was launched last ends before, or after 20 s.
await_port() {
  local tries
  for ((tries = 0; tries < 400; tries++)); do
    listening "$1" && return 0
    alive "$launched" || return 1
    sleep 0.05
  done
  return 1
}

# await_ready PORT PATH: until it answers 200.
await_ready() {
  local tries
  for ((tries = 0; tries < 400; tries++)); do
    # The answer of a server that is not there yet is no answer.
    if answers "$1" "$2" 2>/dev/null; then return 0; fi
    alive "$launched" || return 1
    sleep 0.05
  done
  return 1
}

answers() (
  exec 3<>"/dev/tcp/127.0.0.1/$1" || exit 1
  printf 'GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n' "$2" >&3
  IFS= read -r -t 5 line <&3
  [[ "$line" == *" 200"* ]]
)

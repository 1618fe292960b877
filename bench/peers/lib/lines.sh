# shellcheck shell=bash disable=SC2154 # $raw and what describes peers and workloads: bench/run
# The raw results: one JSON object in a line, with a `kind`.

# line KIND NAME=TEXT...: appends one to $raw.
line() {
  local pair
  {
    printf '{"kind":"%s"' "$1"
    shift
    for pair in "$@"; do
      printf ',"%s":' "${pair%%=*}"
      quoted "${pair#*=}"
    done
    printf '}\n'
  } >>"$raw"
}

quoted() {
  local text="${1//\\/\\\\}"
  text="${text//\"/\\\"}"
  text="${text//$'\t'/ }"
  text="${text//$'\n'/ }"
  printf '"%s"' "${text//[[:cntrl:]]/}"
}

# What is measured on, by whom and when.
machine_line() {
  line machine \
    date="$(date -u +'%Y-%m-%d %H:%M UTC')" \
    cpu="$(sed -n 's/^model name[[:space:]]*: //p' /proc/cpuinfo | head -1)" \
    cores="$(nproc)" \
    kernel="$(uname -sr)" \
    memory="$(awk '/^MemTotal/ { printf "%.1f GiB", $2 / 1048576 }' /proc/meminfo)" \
    system="$(sed -n 's/^PRETTY_NAME="\(.*\)"/\1/p' /etc/os-release 2>/dev/null)" \
    load="$(cut -d' ' -f1-3 /proc/loadavg)" \
    descriptors="$(ulimit -n)" \
    fsync="$(fsync_time)"
}

# How long a small write with fdatasync takes where the stores are, for those who compare latencies.
fsync_time() {
  local file="$target/fsync-probe" seconds
  seconds="$(LC_ALL=C dd if=/dev/zero of="$file" bs=4096 count=300 oflag=dsync 2>&1 | sed -n 's/.* copied, \([0-9.e-]*\) s.*/\1/p')"
  rm -f "$file"
  awk -v s="${seconds:-0}" 'BEGIN { if (s > 0) printf "%.2f ms", s * 1000 / 300; else print "unknown" }'
}

run_line() {
  line run mode="$mode" rounds="$rounds" seconds="$seconds" peers="$peers" only="$only" \
    commit="$(git -C "$here" describe --always --dirty 2>/dev/null || echo unknown)" rust="$(rustc --version | cut -d' ' -f2)"
}

peer_line() {
  line peer name="$1" title="$title" version="$(version)" settings="$settings" plain="$keeps_plain" acked="$keeps_acked"
}

workload_line() {
  line workload name="$1" title="$title_of_work" does="$does" kind_of_site="$kind" options="${work_options[*]}"
}

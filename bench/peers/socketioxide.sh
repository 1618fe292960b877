# shellcheck shell=bash disable=SC2034,SC2154 # read and set by bench/run
title="socketioxide"
can="plain acked sites"
keeps_plain="nothing: who is connected gets it; beyond 4,096 packets that wait for one client, it is dropped in silence"
keeps_acked="in memory, until the device acknowledges it; a restart loses it"
settings="one process on axum, tokio with a thread per core, release build; max_buffer_size 4096 (default 128), ack_timeout 60 s (default 5 s)"
needs=()

install() { crate_binary postroom-bench-socketioxide; }

version() { crate_version socketioxide; }

start() {
  launch env PORT="$port" API_KEY="$key" SITES="$sites" "$target/release/postroom-bench-socketioxide"
  pids="$launched"
  await_ready "$port" /
}

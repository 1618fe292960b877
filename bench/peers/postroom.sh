# shellcheck shell=bash disable=SC2034,SC2154 # read and set by bench/run
title="Postroom, embedded store"
can="plain acked sites batch"
keeps_plain="nothing, as configured: who is connected gets it"
keeps_acked="durable: on disk (fsync) before the answer, until the device acknowledges it or it expires"
settings="one process, a worker per core; durability: full; defaults otherwise"
needs=()

install() { postroom_binary; }

version() { "$postroom" --version | awk '{ print $2 }'; }

# The settings and the start, with $redis_port on Redis.
launch_postroom() {
  {
    printf 'host: 127.0.0.1\nport: %s\nlog:\n  level: warn\n' "$port"
    [[ -z "${redis_port:-}" ]] || printf 'redis:\n  url: redis://127.0.0.1:%s\n' "$redis_port"
  } >"$work/config.yml"
  for site in $sites; do
    printf '%s:\n  authUrl: http://127.0.0.1:%s/auth\n  authScheme: Bearer\n  apiKey: %s\n' "${site%:*}" "$auth_port" "$key"
    [[ "$site" != *:acked ]] || printf '  userRoomPrefix: user_\n'
  done >"$work/sites.yml"
  launch "$postroom" serve --config "$work/config.yml" --sites "$work/sites.yml" --data "$work/data"
  pids="$launched"
  await_ready "$port" /readyz
}

start() { launch_postroom; }

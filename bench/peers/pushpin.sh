# shellcheck shell=bash disable=SC2034,SC2154 # read and set by bench/run
title="pushpin"
can="plain"
keeps_plain="nothing: who is connected gets it"
keeps_acked=""
settings="condure, zurl, pushpin-proxy and pushpin-handler, one process each; message_rate lifted (default 2,500 a second); plain WebSocket, no Socket.IO; its origin, on Node, is asked when a client comes and not counted"
needs=(node:nodejs pushpin:pushpin)
generator=(--carrier websocket-raw --subscribe /sub/all --publish pushpin)

install() {
  have pushpin || { reason="pushpin is not installed"; return 1; }
  have node || { reason="its origin needs node, which is not installed"; return 1; }
}

version() { package_version pushpin; }

start() {
  local origin ports=() i
  for i in 1 2 3 4 5; do
    find_port || return 1
    ports+=("$port_found")
  done
  origin="${ports[0]}"
  publish_port="${ports[1]}"
  # Paths of sockets have to be short, so not below $work.
  rm -rf "$scratch/pushpin"
  mkdir "$scratch/pushpin"
  sed -e "s|@WORK@|$work|g" -e "s|@RUN@|$scratch/pushpin|g" -e "s|@PORT@|$port|g" -e "s|@PUBLISH@|$publish_port|g" \
    -e "s|@PUSH@|${ports[2]}|g" -e "s|@SUB@|${ports[3]}|g" -e "s|@COMMAND@|${ports[4]}|g" \
    "$here/peers/pushpin.conf" >"$work/pushpin.conf"
  printf '* 127.0.0.1:%s,over_http\n' "$origin" >"$work/routes"
  launch env NODE_ENV=production PORT="$origin" node "$here/peers/node/origin.mjs"
  await_ready "$origin" / || return 1
  launch pushpin --config="$work/pushpin.conf" --merge-output --loglevel=1
  pids="$launched"
  await_port "$publish_port" && await_ready "$port" /
}

# shellcheck shell=bash disable=SC2034,SC2154 # read and set by bench/run
title="nchan (nginx)"
can="plain"
keeps_plain="nothing, as configured (nchan_store_messages off): who is connected gets it"
keeps_acked=""
settings="nginx with worker_processes auto (one per core); plain WebSocket, no Socket.IO; no auth call"
needs=(nginx:nginx-light /usr/lib/nginx/modules/ngx_nchan_module.so:libnginx-mod-nchan)
generator=(--carrier websocket-raw --subscribe /sub/all --publish nchan)

install() {
  local module=/usr/lib/nginx/modules/ngx_nchan_module.so
  have nginx || { reason="nginx is not installed"; return 1; }
  [[ -e "$module" ]] || { reason="libnginx-mod-nchan is not installed"; return 1; }
}

version() { printf '%s, %s' "$(package_version libnginx-mod-nchan)" "$(nginx -v 2>&1 | sed 's/.*: //')"; }

start() {
  sed -e "s|@WORK@|$work|g" -e "s|@PORT@|$port|g" "$here/peers/nchan.conf" >"$work/nginx.conf"
  launch nginx -p "$work" -c "$work/nginx.conf" -e "$work/error.log"
  pids="$launched"
  await_ready "$port" /
}

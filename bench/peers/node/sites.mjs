// What the Socket.IO peers of the benchmark do, with any engine: `/send` into rooms of two kinds of site.
//
//   a site of kind `plain`   a message goes to who is in the room now (`to(room).emit`)
//   a site of kind `acked`   a message is kept for each device, in memory, until it is acknowledged; a device that comes
//                            back gets what is left as one `_batch`, as Postroom does it. Nothing survives a restart
//
// SITES names them: "name:kind name:kind".

/** Makes the namespaces; returns `send(query, body)`, the answer of `/send` as `[status, text]`. */
export function openSites(io, { key, sites }) {
  const open = new Map();
  for (const entry of sites.split(' ')) {
    const [name, kind] = entry.split(':');
    open.set(name, (kind === 'acked' ? acked : plain)(io.of('/' + name)));
  }
  return (query, body) => {
    if (query.get('apiKey') !== key) return [401, 'ApiKey invalid.'];
    const send = open.get(query.get('site'));
    if (!send) return [401, 'ApiKey invalid.'];
    const { rooms, event, args } = JSON.parse(body);
    send([].concat(rooms), event, [].concat(args));
    return [200, 'OK'];
  };
}

/** The generator's clients: token `t<n>` is user n. */
function roomsOf(socket) {
  return ['user_' + socket.handshake.auth.token.slice(1), 'all'];
}

function plain(namespace) {
  namespace.use((socket, next) => {
    socket.join(roomsOf(socket));
    next();
  });
  namespace.on('connection', settled);
  return (rooms, event, args) => namespace.to(rooms).emit(event, ...args);
}

function settled(socket) {
  socket.emit('_settings', { device_ttl: 3600 });
}

function acked(namespace) {
  const devices = new Map(); // name -> device
  const members = new Map(); // room -> Set of devices
  let ids = 0;

  namespace.on('connection', (socket) => {
    const rooms = roomsOf(socket);
    const name = rooms[0] + ':' + socket.handshake.auth.deviceId;
    let device = devices.get(name);
    if (!device) {
      devices.set(name, (device = { inbox: new Map(), sockets: new Set() }));
      for (const room of rooms) {
        if (!members.has(room)) members.set(room, new Set());
        members.get(room).add(device);
      }
    }
    device.sockets.add(socket);
    socket.on('disconnect', () => device.sockets.delete(socket));
    settled(socket);
    replay(device, socket);
  });

  return (rooms, event, args) => {
    const recipients = rooms.length === 1 ? members.get(rooms[0]) : new Set(rooms.flatMap((r) => [...(members.get(r) ?? [])]));
    for (const device of recipients ?? []) {
      const id = ++ids;
      device.inbox.set(id, [event, ...args]);
      for (const socket of device.sockets) socket.emit(event, ...args, () => device.inbox.delete(id));
    }
  };
}

function replay(device, socket) {
  if (!device.inbox.size) return;
  const ids = [...device.inbox.keys()];
  socket.emit('_batch', [...device.inbox.values()], () => ids.forEach((id) => device.inbox.delete(id)));
}

// What every test file starts from: one gateway (or two on one Redis), one site backend, and tests for each client
// generation and transport.

import { after, before, test } from 'node:test';

import { MODES, VERSIONS, open, openAnother } from './harness/connect.mjs';
import { startGateway } from './harness/gateway.mjs';
import { startRedis } from './harness/redis.mjs';
import { API_KEY, startSite } from './harness/site.mjs';
import { until } from './harness/wait.mjs';

export { MODES, VERSIONS, isOld } from './harness/connect.mjs';
export { API_KEY };
export { until, within } from './harness/wait.mjs';

/** The site whose messages are kept, with the keys most tests want. */
export function keepingSite(backend, name, more = {}) {
  return {
    authUrl: backend.authUrl(name),
    authScheme: 'Bearer',
    userRoomPrefix: 'user_',
    publicChannel: 'browse',
    updateUserUrl: backend.updateUserUrl(name),
    ...more,
  };
}

// With POSTROOM_E2E_STORE=redis a file's gateway is on a Redis of its own, which runs as long as the file.
export const { POSTROOM_E2E_STORE: STORE = 'sqlite' } = process.env;
if (!['sqlite', 'redis'].includes(STORE)) throw new Error(`POSTROOM_E2E_STORE is sqlite or redis, not ${STORE}`);

/**
 * A gateway for this file. `setUp(backend)` returns { sites, config }; default: one site `demo`.
 * The result is filled in before the first test.
 */
export function world(setUp = (backend) => ({ sites: { demo: keepingSite(backend, 'demo') } })) {
  const world = { users: 0 };
  before(async () => {
    world.backend = await startSite();
    const { sites, config } = await setUp(world.backend);
    if (STORE === 'redis') world.redis = await startRedis();
    const redis = world.redis && { redis: { url: world.redis.url } };
    world.gateway = await startGateway({ sites, config: { ...config, ...redis } });
  });
  after(async () => {
    await world.gateway?.close();
    await world.redis?.close();
    await world.backend?.close();
  });
  return world;
}

/**
 * Two gateways on one Redis for this file, `a` and `b`, and a site `plain` without user rooms. What a Scene does, it
 * does at `a` unless told otherwise. `more(world)` comes after them, and resolves with what else is to be closed.
 */
export function worldOfTwo(more = async () => []) {
  const world = { users: 0 };
  before(async () => {
    world.backend = await startSite();
    world.redis = await startRedis();
    const sites = {
      demo: keepingSite(world.backend, 'demo'),
      plain: { authUrl: world.backend.authUrl('plain'), authScheme: 'Bearer' },
    };
    const config = { redis: { url: world.redis.url } };
    [world.a, world.b] = await Promise.all([startGateway({ sites, config }), startGateway({ sites, config })]);
    world.gateway = { ...world.a, log: () => `${world.a.log()}\n--- the other one:\n${world.b.log()}` };
    world.others = await more(world);
  });
  after(async () => {
    for (const other of world.others ?? []) await other.close();
    await world.a?.close();
    await world.b?.close();
    await world.redis?.close();
    await world.backend?.close();
  });
  return world;
}

/** One test per client generation and transport; `only` narrows them. */
export function matrix(world, name, body, { versions = VERSIONS, modes = MODES, timeout = 60_000 } = {}) {
  for (const version of versions) {
    for (const mode of modes) {
      test(`${name} (client ${version}, ${mode})`, { timeout }, async () => {
        const scene = new Scene(world, version, mode);
        try {
          await body(scene);
        } catch (error) {
          error.message += `\n--- the gateway said:\n${world.gateway.log().slice(-3000)}`;
          throw error;
        } finally {
          scene.end();
        }
      });
    }
  }
}

/** A test's own user, and the connections it opens. */
export class Scene {
  #connections = [];
  #fences = 0;

  constructor(world, version, mode) {
    const number = (world.users += 1);
    Object.assign(this, { world, version, mode, ...newUser(world.backend, `${number}`) });
  }

  get gateway() {
    return this.world.gateway;
  }

  get backend() {
    return this.world.backend;
  }

  /** One more user of site demo: { token, room, staff }. */
  anotherUser() {
    this.world.users += 1;
    return newUser(this.backend, `${this.world.users}`);
  }

  /** Opens a connection of this user's device `d1` unless told otherwise, `at` a gateway; does not wait. */
  open({ at = this.gateway, ...options } = {}) {
    const all = { token: this.token, deviceId: 'd1', meta: 'appName:test', ...options };
    return this.keep(open(at.url, this.version, this.mode, all));
  }

  /** One more namespace over the same connection. */
  openAnother(connection, ns, options) {
    return this.keep(openAnother(connection, ns, options));
  }

  /** Opens and waits until joined. */
  connect(options) {
    return this.open(options).joined();
  }

  keep(connection) {
    this.#connections.push(connection);
    return connection;
  }

  /** Sends to this user, by way of the gateway `at`. */
  send(event, args, { at = this.gateway, ...more } = {}) {
    return at.send({ rooms: this.room, event, args, ...more });
  }

  /**
   * Waits until no device of this user is online by the account of the gateway `at`. What a session acknowledged before
   * it left is settled by then. The messages that ask are named `probe`.
   */
  async gone(at = this.gateway) {
    const query = { site: 'demo', apiKey: API_KEY };
    const body = JSON.stringify({ rooms: this.room, event: 'probe' });
    await until(async () => {
      const answer = await at.post(query, body, { accept: 'application/json' });
      return answer.status === 200 && JSON.parse(answer.text).online === 0;
    }, 'the device to be away');
  }

  /**
   * Sends a last message and waits for it on each connection: since order is kept, whatever was to come before has come.
   * Returns what came, the fence taken off, `_batch` taken apart.
   */
  async fence(...connections) {
    this.#fences += 1;
    const mark = `fence ${this.#fences}`;
    await this.send(mark, 'fence');
    const seen = [];
    for (const connection of connections) seen.push(await fenced(connection, mark));
    return seen.length === 1 ? seen[0] : seen;
  }

  end() {
    for (const connection of this.#connections) connection.drop();
  }
}

async function fenced(connection, mark) {
  const messages = await until(() => {
    const all = connection.messages();
    return all.some(([name]) => name === mark) && all;
  }, () => `${mark}; ${connection}`);
  return messages.filter(([name]) => !name.startsWith('fence ') && name !== 'probe');
}

function newUser(backend, number) {
  const user = { number, token: `token-${number}`, room: `user_${number}`, staff: `staff-${number}` };
  backend.user('demo', user.token, [user.room, user.staff]);
  return user;
}

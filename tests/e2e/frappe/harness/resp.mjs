// One command to a Redis, as far as the tests need it.

import net from 'node:net';

/** Sends a command; resolves with its answer: a string, a number or null. */
export function command(port, ...words) {
  return new Promise((resolve, reject) => {
    const socket = net.connect(port, '127.0.0.1', () => socket.write(packed(words)));
    let text = '';
    socket.setEncoding('utf8').on('data', (part) => {
      text += part;
      const answer = read(text);
      if (answer === undefined) return;
      socket.destroy();
      if (answer instanceof Error) reject(answer);
      else resolve(answer);
    });
    socket.once('error', reject);
    socket.setTimeout(2000, () => socket.destroy(new Error(`Redis did not answer ${words[0]}`)));
  });
}

function packed(words) {
  return `*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join('')}`;
}

/** `undefined` while there is more to come. */
function read(text) {
  const end = text.indexOf('\r\n');
  if (end < 0) return undefined;
  const [kind, head, rest] = [text[0], text.slice(1, end), text.slice(end + 2)];
  if (kind === '+') return head;
  if (kind === ':') return Number(head);
  if (kind === '-') return new Error(head);
  if (head === '-1') return null;
  return rest.endsWith('\r\n') ? rest.slice(0, -2) : undefined;
}

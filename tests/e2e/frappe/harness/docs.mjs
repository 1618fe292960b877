// The examples of the documentation: fenced blocks, each behind a mark `<!-- test: name -->`.

import { readFile } from 'node:fs/promises';

/** The block behind a mark of `docs/frappe/<file>`, with each of `pairs` ([from, to]) put in, all of which must be in it. */
export async function example(file, name, pairs = []) {
  const text = await readFile(new URL(`../../../../docs/frappe/${file}`, import.meta.url), 'utf8');
  const [, block] = text.match(new RegExp(`<!-- test: ${name} -->\n\`\`\`\\w*\n([^]*?)\n\`\`\``)) ?? [];
  if (!block) throw new Error(`docs/frappe/${file} has no example ${name}`);
  return pairs.reduce((block, [from, to]) => {
    if (!block.includes(from)) throw new Error(`the example ${name} of docs/frappe/${file} has no "${from}"`);
    return block.replaceAll(from, to);
  }, block);
}

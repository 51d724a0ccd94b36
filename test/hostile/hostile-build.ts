import { createHash } from 'node:crypto';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const attacks = fileURLToPath(new URL('./extensions', import.meta.url));

/** An attack as an extension: `probe` reports whether it succeeded, `disrupt` is judged from outside. */
export interface Attack {
  readonly name: string;
  readonly kind: 'probe' | 'disrupt';
}

/** A copy of the build with every attack as an extension in it. */
export interface HostileBuild {
  readonly dist: string;
  readonly attacks: readonly Attack[];
  remove(): void;
}

/**
 * Around each attack: a status bar item that runs it and then tells what became of it, and the port of the
 * runtime, taken from under it, for attacks that go past the API. `%…%` is filled in.
 */
const HARNESS = `
let port;
const post = MessagePort.prototype.postMessage;
MessagePort.prototype.postMessage = function (...args) { port ??= this; return post.apply(this, args); };
let nextId = 1e6;
const raw = (text, id) => new Promise((resolve) => {
  const listener = ({ data }) => {
    const answer = JSON.parse(data);
    if (answer.id !== id || answer.kind === 'call') return;
    port.removeEventListener('message', listener);
    resolve(answer);
  };
  port.addEventListener('message', listener);
  port.postMessage(text);
});
const call = (name, argument) => { const id = nextId++; return raw(JSON.stringify({ kind: 'call', id, name, argument }), id); };
exports.activate = ({ api, subscriptions }) => {
  const name = '%name%';
  const item = api.window.createStatusBarItem({ id: name + '.result', name, alignment: 'left', priority: -1 });
  item.command = name + '.go';
  item.text = 'ready';
  subscriptions.add(api.commands.register(name + '.go', () => {
    const tools = { api, raw, call, name, canary: '%canary%', get port() { return port; } };
    if (exports.disrupt) { item.text = 'started'; setTimeout(() => exports.disrupt(tools), 50); return; }
    Promise.resolve().then(() => exports.attack(tools)).then(
      (how) => { item.text = how === undefined ? 'failed' : 'succeeded: ' + how; },
      () => { item.text = 'failed'; },
    );
  }));
};
`;

/** @param canary address of a server that nobody may reach */
export function makeHostileBuild(canary: string): HostileBuild {
  const folder = mkdtempSync(join(tmpdir(), 'conclave-hostile-'));
  const dist = join(folder, 'dist');
  cpSync(join(root, 'dist'), dist, { recursive: true });
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  const extensions = join(dist, 'workbench/extensions');
  const names = JSON.parse(readFileSync(join(extensions, 'index.json'), 'utf8')) as string[];
  const manifest = JSON.parse(readFileSync(join(dist, 'build-manifest.json'), 'utf8')) as {
    files: { path: string; type: string; bytes: number; sha256: string }[];
  };
  const write = (path: string, type: string, text: string): void => {
    const file = join(dist, 'workbench', path);
    mkdirSync(join(file, '..'), { recursive: true });
    writeFileSync(file, text);
    manifest.files = manifest.files.filter((entry) => entry.path !== path);
    const sha256 = createHash('sha256').update(text).digest('hex');
    manifest.files.push({ path, type, bytes: Buffer.byteLength(text), sha256 });
  };
  const made: Attack[] = [];
  for (const file of readdirSync(attacks).sort()) {
    const source = readFileSync(join(attacks, file), 'utf8');
    const own = basename(file, '.js');
    // What two extensions do with each other needs two.
    for (const name of own === 'broadcast-channel' ? [`${own}-a`, `${own}-b`] : [own]) {
      const id = `hostile-${name}`;
      made.push({ name: id, kind: source.includes('exports.disrupt') ? 'disrupt' : 'probe' });
      names.push(id);
      const harness = HARNESS.replaceAll('%name%', id).replaceAll('%canary%', canary);
      write(`/extensions/${id}/main.js`, 'text/javascript; charset=utf-8', `${source}\n${harness}`);
      write(
        `/extensions/${id}/package.json`,
        'application/json; charset=utf-8',
        JSON.stringify({
          name: id,
          publisher: 'attacker',
          version: '1.0.0',
          displayName: id,
          engines: { conclave: '^0.1' },
          main: './main.js',
          runtime: 'sandboxed',
          activationEvents: ['onStartupFinished'],
          contributes: {
            commands: [{ id: `${id}.go`, title: id }],
            viewsContainers: { panel: [{ id, title: id, icon: 'bug', order: 500 }] },
            views: { [id]: [{ id: `${id}.tree`, name: id, kind: 'tree' }] },
          },
        }),
      );
    }
  }
  write('/extensions/index.json', 'application/json; charset=utf-8', JSON.stringify(names));
  writeFileSync(join(dist, 'build-manifest.json'), JSON.stringify(manifest));
  return { dist, attacks: made, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

// npm start: the demo; npm start -- --repo=… --root=…: sync with these arguments.
import { spawn } from 'node:child_process';
import { ensureBundle, ensureDependencies } from './prepare.js';

ensureDependencies();
ensureBundle();
const args = process.argv.slice(2);
const command = args.length === 0 ? ['demo'] : args[0].startsWith('-') ? ['sync', ...args] : args;
const child = spawn(process.execPath, ['dist/git-sidecar.cjs', ...command], { stdio: 'inherit' });
// A terminal sends Ctrl-C to the child as well; it is the child that decides when all is cleaned up.
const hasTerminal = [process.stdin, process.stdout, process.stderr].some(({ isTTY }) => isTTY);
process.on('SIGINT', () => hasTerminal || child.kill('SIGINT'));
for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
child.on('exit', (code, signal) => process.exit(code ?? (signal === null ? 1 : 128)));

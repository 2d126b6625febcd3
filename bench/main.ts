import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { benchPoll } from './poll.ts';

const machine = `${cpus().length} cores (${cpus()[0]?.model.trim() ?? 'unknown'}), Node ${process.version}, ${execFileSync('git', ['version']).toString().trim()}`;
const sections = await benchPoll();
const text = `${['# Performance', '<!-- Made by `npm run bench`; do not edit. -->', `Measured on ${machine}, everything on loopback. Machines differ and are noisy: look at the ratios, which come from the same run.`, sections].join('\n\n')}\n`;
writeFileSync('docs/performance.md', text);
process.stdout.write(text);

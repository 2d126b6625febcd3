// Watches the relay of `npm run bench -- tenants` in a process of its own, so that who measures never waits for it: what
// is used, as one line of JSON when standard input ends.
import { watchUsage } from './tenants/usage.ts';

const [pid = '', root = ''] = process.argv.slice(2);
const end = new AbortController();
process.stdin.resume().once('end', () => end.abort());
process.stdout.write(JSON.stringify(await watchUsage(Number(pid), root, end.signal)));

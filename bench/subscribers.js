// Many event streams of a relay in one process: `node subscribers.js PORT REPOSITORY COUNT ADDRESS`. What is measured is
// the relay, so this costs as little as it can: raw sockets that share one buffer, and that look at single bytes. Writes
// `ready` when all of them have the refs. Then, for each change, a line of JSON when all of them have it: the commit,
// and the milliseconds of the monotonic clock at which each of them got it.
import { connect } from 'node:net';

const [port, repository, count, address] = [
  Number(process.argv[2]),
  process.argv[3],
  Number(process.argv[4]),
  process.argv[5],
];
const AT_ONCE = 200;
/** A port that was asked for with an address is nobody else's for a minute after its end. */
const localAddress = address === '127.0.0.1' ? undefined : address;
/** Writing the result would keep the others from a core. */
const PAUSE_MS = 300;
const REQUEST = `GET /events?repo=${repository}&ref=refs/heads/main HTTP/1.1\r\nhost: relay\r\naccept: text/event-stream\r\n\r\n`;
/** The name of an event with an id comes second; others begin with `event`. */
const ID = Buffer.from('id: ');
const CHANGE = Buffer.from('event: change');
const REFS = Buffer.from('event: refs');

const shared = Buffer.allocUnsafe(64 * 1024);
const times = new Float64Array(count);
let got = 0;
/** The bytes from the id on: equal for all of them. */
let expected = Buffer.alloc(0);
let commit = '';

function now() {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1e3 + nanoseconds / 1e6;
}

function finish() {
  const result = { commit, times: Array.from(times) };
  got = 0;
  setTimeout(() => process.stdout.write(`${JSON.stringify(result)}\n`), PAUSE_MS);
}

/** @returns where in the buffer the event about a change begins; -1 for none */
function changeIn(length) {
  if (shared[0] === ID[0]) return 0;
  const at = shared.subarray(0, length).indexOf('\nid: ');
  return at < 0 ? -1 : at + 1;
}

function take(length) {
  const at = changeIn(length);
  if (at < 0) return;
  if (got === 0) {
    const end = shared.subarray(0, length).indexOf('\n\n', at);
    const bytes = shared.subarray(at, end);
    const found = bytes.includes(CHANGE) ? /"oid":"([0-9a-f]+)"/.exec(bytes.toString('latin1'))?.[1] : undefined;
    if (found === undefined) throw new Error(`not a change: ${bytes}`);
    commit = found;
    expected = Buffer.from(bytes);
  } else if (shared.compare(expected, 0, expected.length, at, Math.min(length, at + expected.length)) !== 0)
    throw new Error(`another event than the others got: ${shared.toString('latin1', at, length)}`);
  times[got] = now();
  got += 1;
  if (got === count) finish();
}

function subscribe() {
  return new Promise((resolve, reject) => {
    let isReady = false;
    const callback = (length) => {
      if (isReady) take(length);
      else if (shared.subarray(0, length).includes(REFS)) {
        isReady = true;
        resolve();
      }
      return true;
    };
    const socket = connect({ port, host: '127.0.0.1', localAddress, onread: { buffer: shared, callback } });
    socket.setNoDelay(true);
    socket.write(REQUEST);
    socket.once('error', reject);
    socket.once('close', () => reject(new Error('a stream was closed')));
  });
}

for (let from = 0; from < count; from += AT_ONCE)
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, count - from) }, subscribe));
process.stdout.write('ready\n');

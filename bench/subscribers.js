// Many event streams of a relay in one process, as raw sockets: `node subscribers.js PORT REPOSITORY COUNT`. Writes
// `ready` when all of them have the refs; then, for each change, a line of JSON: the commit, and for each subscriber
// the nanoseconds of the monotonic clock at which it got the event.
import { connect } from 'node:net';

const [port, repository, count] = [Number(process.argv[2]), process.argv[3], Number(process.argv[4])];
const AT_ONCE = 200;
let told = 0;
let times = [];
let commit = '';

function onEvent(text) {
  const found = /"oid":"([0-9a-f]+)"/.exec(text)?.[1];
  if (!found) return;
  if (found !== commit) {
    commit = found;
    times = [];
  }
  times.push(String(process.hrtime.bigint()));
  if (times.length === count) process.stdout.write(`${JSON.stringify({ commit, times })}\n`);
}

function subscribe() {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    let text = '';
    let isReady = false;
    socket.setNoDelay(true);
    socket.write(
      `GET /events?repo=${repository}&ref=refs/heads/main HTTP/1.1\r\nhost: relay\r\naccept: text/event-stream\r\n\r\n`,
    );
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
      const end = text.lastIndexOf('\n\n');
      if (end < 0) return;
      const events = text.slice(0, end);
      text = text.slice(end + 2);
      if (isReady) {
        if (events.includes('event: change')) onEvent(events);
      } else if (events.includes('event: refs')) {
        isReady = true;
        told += 1;
        resolve();
      }
    });
    socket.once('error', reject);
    socket.once('close', () => reject(new Error('a stream was closed')));
  });
}

for (let from = 0; from < count; from += AT_ONCE)
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, count - from) }, subscribe));
process.stdout.write(`ready ${told}\n`);

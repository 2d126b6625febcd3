import { type Attack, atRate } from '../attack.ts';
import { ask, headOf, hold, PROTOCOL_V2 } from '../client.ts';

/** Connections that send a byte now and then: of a head, of a fetch, of a push. */
export const slowConnections: Attack = {
  name: 'slow connections',
  run: async (target, tally, signal) => {
    const length = { 'content-length': '1000000' };
    const heads = [
      'GET / HTTP/1.1\r\nhost: relay\r\nx-slow: ',
      headOf(target, `POST /git/${target.own}/big.git/git-upload-pack`, { ...PROTOCOL_V2, ...length }),
      headOf(target, 'POST /push', { ...length, 'x-hub-signature-256': `sha256=${'0'.repeat(64)}` }),
      headOf(target, 'POST /reports', length),
      '',
    ];
    await atRate(20, 200, signal, async (index) => {
      tally.add('opened');
      let timer: NodeJS.Timeout | undefined;
      await hold(target, signal, heads[index % heads.length] ?? '', (socket) => {
        socket.resume();
        timer = setInterval(() => socket.write('a'), 2000);
      });
      clearInterval(timer);
      if (!signal.aborted) tally.add('closed');
    });
  },
};

/** Readers of the overviews; every second one takes nothing. */
export const overviewReaders: Attack = {
  name: 'readers of overviews',
  run: async (target, tally, signal) => {
    const paths = ['/fleet', '/fleet?limit=10000', '/status', '/metrics'];
    await atRate(20, 64, signal, async (index) => {
      const path = paths[index % paths.length] ?? '/fleet';
      if (index % 8 > 0) await ask(target, tally, signal, { path });
      else {
        tally.add('never read');
        await hold(target, signal, headOf(target, `GET ${path}`), (socket) => void socket.pause());
      }
    });
  },
};

/** The honest tenant's repository, with the wrong token, with guesses, and with none. */
export const foreignRepositories: Attack = {
  name: 'another’s repository',
  run: async (target, tally, signal) => {
    const paths = [
      `/git/${target.foreign}/info/refs?service=git-upload-pack`,
      `/events?repo=${target.foreign}`,
      `/git/${target.own}/../honest/app.git/info/refs?service=git-upload-pack`,
      `/git/${target.own}/%2e%2e/honest/app.git/info/refs?service=git-upload-pack`,
    ];
    await atRate(50, 50, signal, async (index) => {
      const path = paths[index % paths.length] ?? '';
      const guess = index % 2 === 0 ? {} : { token: `guess-${index}` };
      await ask(target, tally, signal, { path, headers: PROTOCOL_V2, ...guess });
    });
  },
};

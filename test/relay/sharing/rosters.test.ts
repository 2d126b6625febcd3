import { describe, expect, test } from 'vitest';
import { LocalRoster } from '../../../src/relay/sharing/local-roster.ts';
import { readFleetMessage, type SeatedStream, writeMessage } from '../../../src/relay/sharing/messages.ts';
import { type RosterNews, Rosters } from '../../../src/relay/sharing/rosters.ts';
import { NAME, OWNER } from './simulated-relay.ts';

function stream(name: string, replaces?: string): SeatedStream {
  const report = { stream: name, replaces, instance: name, labels: {}, published: undefined, running: undefined };
  return { owner: OWNER, repository: NAME, report: { ...report, failed: undefined }, names: ['main'] };
}

const names = (streams: readonly SeatedStream[]): readonly string[] => streams.map(({ report }) => report.stream);
const shown = ({ set, gone, isIncomplete }: RosterNews) => ({ set: names(set), gone: names(gone), isIncomplete });

describe('the instances of other relays', () => {
  test('are known as their relay says, message by message', () => {
    const [local, rosters] = [new LocalRoster('a'), new Rosters()];
    const send = () => local.takeNews(10_000).map((each) => shown(rosters.take(each, 0)));
    local.set(stream('one'));
    local.set(stream('two'));
    expect(send()).toEqual([{ set: ['one', 'two'], gone: [], isIncomplete: false }]);
    local.remove(OWNER, 'one');
    expect(send()).toEqual([{ set: [], gone: ['one'], isIncomplete: false }]);
  });

  test('that a lost message was about are asked for, and a list puts everything right', () => {
    const [local, rosters] = [new LocalRoster('a'), new Rosters()];
    const send = () => local.takeNews(10_000).map((each) => shown(rosters.take(each, 0)));
    local.set(stream('one'));
    local.set(stream('two'));
    send();
    local.remove(OWNER, 'one');
    local.takeNews(10_000);
    expect(send()).toEqual([{ set: [], gone: [], isIncomplete: true }]);
    // Small messages: the list has several parts, and only the last of them says who is gone.
    const list = local.takeAll(100).map((each) => shown(rosters.take(each, 0)));
    expect(list.flatMap(({ gone }) => gone)).toEqual(['one']);
    expect(list.every(({ isIncomplete }) => !isIncomplete)).toBe(true);
  });

  test('that went to another relay are one stream, although the first relay has not noticed', () => {
    const rosters = new Rosters();
    const [a, b] = [new LocalRoster('a'), new LocalRoster('b')];
    b.set(stream('new', 'old'));
    for (const message of b.takeAll(10_000)) rosters.take(message, 0);
    a.set(stream('old'));
    const [news] = a.takeAll(10_000).map((each) => shown(rosters.take(each, 0)));
    expect(news?.set).toEqual([]);
  });

  test('are gone when their relay is silent', () => {
    const [local, rosters] = [new LocalRoster('a'), new Rosters()];
    local.set(stream('one'));
    for (const message of local.takeNews(10_000)) rosters.take(message, 1000);
    expect(names(rosters.expire(15_000, 15_000))).toEqual([]);
    expect(names(rosters.expire(16_000, 15_000))).toEqual(['one']);
  });

  test('come over the wire as they were, and what no relay writes is left out', () => {
    const local = new LocalRoster('a');
    local.set(stream('one', 'zero'));
    const [message] = local.takeAll(10_000);
    if (!message) throw new Error('there is a message');
    expect(readFleetMessage(writeMessage(message))).toEqual(message);
    for (const text of ['', 'null', '{}', '{"version":2}', '{"version":1,"from":"a","number":1,"set":[{}],"gone":3}'])
      expect(readFleetMessage(Buffer.from(text))).toBeUndefined();
    expect(readFleetMessage(Buffer.from('{"version":1,"from":"a","number":1,"set":[{}],"gone":[]}'))?.set).toEqual([]);
  });
});

import { messageOf } from '../model/error.ts';
import { openTunnel } from '../platform/open-socket.ts';
import { redactUrl } from '../platform/redact.ts';
import { loadSecureContext } from '../platform/secure-context.ts';
import type { HttpSettings } from '../remote/http-settings.ts';
import { checkAddress, hostPortOf, whyNoConnection } from './address.ts';
import { checkCertificates } from './certificates.ts';
import type { Check, Examination } from './examination.ts';
import { none, ok, type Verdict, wrong } from './finding.ts';
import type { Parts } from './parts.ts';

export interface WayPlan {
  readonly url: URL;
  /** The product's settings for this URL; a text: the setting because of which git itself asks. */
  readonly settings: HttpSettings | string;
  readonly prefix: string;
  /** How to name a CA file for this server; default: git's variable. */
  readonly caSetting?: string;
}

const CA_SETTING = 'GIT_SSL_CAINFO=/path/ca.crt';
const TLS_MS = 5000;
const PROXY_MEND = 'correct HTTPS_PROXY or HTTP_PROXY (or http.proxy), or leave the server out with NO_PROXY';

async function throughProxy(url: URL, settings: HttpSettings, signal: AbortSignal): Promise<Verdict> {
  if (url.protocol === 'http:') return ok('it takes connections; it is asked for http:// without a tunnel');
  const proxy = new URL(settings.proxy ?? '');
  const secureContext = proxy.protocol === 'https:' ? await loadSecureContext(settings) : undefined;
  try {
    (await openTunnel(url, proxy, { secureContext, signal })).destroy();
    return ok(`it lets us through to ${url.host}`);
  } catch (error) {
    if (signal.aborted) throw error;
    const text = messageOf(error);
    if (/status 407/.test(text))
      return wrong(
        'it wants other credentials (status 407)',
        'write its user and password into the URL of HTTPS_PROXY (or http.proxy)',
      );
    if (/status \d/.test(text)) return wrong(`it does not let us through to ${url.host}: ${text}`, PROXY_MEND);
    return wrong(whyNoConnection(error), PROXY_MEND);
  }
}

/** Name, connection, proxy and certificates of an HTTP server. @returns what a question to it needs */
export function checkWayOverHttp(examination: Examination, plan: WayPlan, { clock }: Parts): readonly Check[] {
  const { url, settings, prefix, caSetting = CA_SETTING } = plan;
  const left = (name: string, reason: string): Check =>
    examination.check({ name: `${prefix}${name}`, target: url.host, look: () => none(reason) });
  if (typeof settings === 'string')
    return ['dns', 'tcp', 'proxy', 'tls'].map((name) => left(name, `git itself asks, since ${settings} is set`));
  const { proxy } = settings;
  const address = hostPortOf(new URL(proxy ?? url));
  const names =
    proxy === undefined
      ? { dns: `${prefix}dns`, tcp: `${prefix}tcp` }
      : { dns: `${prefix}proxy dns`, tcp: `${prefix}proxy tcp` };
  const tcp = checkAddress(examination, address, names);
  const via =
    proxy === undefined
      ? left('proxy', 'none is set for this URL')
      : examination.check({
          name: `${prefix}proxy`,
          target: redactUrl(proxy),
          after: [tcp],
          mend: PROXY_MEND,
          look: async (signal) => await throughProxy(url, settings, signal),
        });
  if (url.protocol !== 'https:') return [tcp, via, left('tls', 'the URL is http://')];
  const tls = examination.check({
    name: `${prefix}tls`,
    target: url.host,
    after: [tcp, via],
    limitMs: TLS_MS,
    mend: 'see whether the port is that of HTTPS, and what is between: `openssl s_client -connect HOST:PORT`',
    look: async (signal) => await checkCertificates(url, settings, caSetting, clock.now(), signal),
  });
  return [tcp, via, tls];
}

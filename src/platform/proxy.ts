import { BlockList, isIP } from 'node:net';

type Variables = Readonly<Record<string, string | undefined>>;

function addressIsIn(host: string, network: string): boolean {
  const [address = '', bits] = network.split('/');
  const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
  if (isIP(host) === 0 || isIP(address) === 0 || bits === undefined || !/^\d+$/.test(bits)) return false;
  const list = new BlockList();
  try {
    list.addSubnet(address, Number(bits), family);
  } catch {
    return false;
  }
  return list.check(host, isIP(host) === 6 ? 'ipv6' : 'ipv4');
}

/** curl's reading of no_proxy: `*`, host names with their subdomains, addresses, networks in CIDR form, `host:port`. */
function isExcluded(url: URL, noProxy: string): boolean {
  const host = url.hostname.replace(/^\[|\]$/g, '').toLowerCase();
  const port = url.port || (url.protocol === 'https:' ? '443' : '80');
  return noProxy
    .split(/[\s,]+/)
    .filter(Boolean)
    .some((entry) => {
      if (entry === '*') return true;
      if (entry.includes('/')) return addressIsIn(host, entry);
      const [, name = '', wantedPort] = /^(.*?)(?::(\d+))?$/.exec(entry.toLowerCase()) ?? [];
      const bare = isIP(entry) === 6 ? entry.toLowerCase() : name.replace(/^\*?\./, '');
      if (wantedPort !== undefined && isIP(entry) !== 6 && wantedPort !== port) return false;
      return host === bare || host.endsWith(`.${bare}`);
    });
}

/**
 * The proxy that curl, and so git, would use for `url`: `configured` (http.proxy) before the variables;
 * `HTTP_PROXY` in capitals is not read, since a CGI client could set it.
 */
export function proxyFor(url: URL, configured: string | undefined, env: Variables): string | undefined {
  const byScheme = url.protocol === 'https:' ? env.https_proxy || env.HTTPS_PROXY : env.http_proxy;
  const proxy = configured ?? (byScheme || env.all_proxy || env.ALL_PROXY);
  if (!proxy || isExcluded(url, env.no_proxy ?? env.NO_PROXY ?? '')) return undefined;
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(proxy) ? proxy : `http://${proxy}`;
}

/**
 * The proxy that Go's HTTP client, and so git-sync for its hooks and credential services, uses for `url`
 * (golang.org/x/net/http/httpproxy): never for this machine itself.
 */
export function goProxyFor(url: URL, env: Variables): string | undefined {
  const host = url.hostname.replace(/^\[|\]$/g, '').toLowerCase();
  if (host === 'localhost' || host === '::1' || host.startsWith('127.')) return undefined;
  const [http, https] = [env.HTTP_PROXY || env.http_proxy, env.HTTPS_PROXY || env.https_proxy];
  const no_proxy = env.NO_PROXY || env.no_proxy;
  return proxyFor(url, undefined, { http_proxy: http, https_proxy: https, no_proxy });
}

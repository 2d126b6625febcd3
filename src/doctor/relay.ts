import type { RelayConfig } from '../config/relay-config.ts';
import { ownKnownHosts } from '../git/own-known-hosts.ts';
import { messageOf, SidecarError } from '../model/error.ts';
import { silentLogger } from '../platform/log.ts';
import { loadSecureContext } from '../platform/secure-context.ts';
import { whyUnreadable } from '../platform/unreadable.ts';
import { chooseFirst } from '../poll/first-ref.ts';
import { remoteAtRelay } from '../relay/client/open.ts';
import { RELAY_USER } from '../relay/client/settings.ts';
import type { RepositoryName } from '../relay/protocol/repository-name.ts';
import { Access } from '../relay/server/access/access.ts';
import { AllowPattern, followedName } from '../relay/server/access/allow.ts';
import { hermeticOptions } from '../relay/wiring/relay-git.ts';
import { upstreamGitSettings } from '../relay/wiring/upstreams.ts';
import { parseRemoteUrl } from '../remote/url.ts';
import { checkAddress, hostPortOf } from './address.ts';
import type { Check, Examination } from './examination.ts';
import { none, ok, type Verdict, wrong } from './finding.ts';
import { openGit } from './git-tools.ts';
import { checkClock } from './machine.ts';
import { checkNats } from './nats.ts';
import type { Parts } from './parts.ts';
import { checkProgram, programsOf } from './programs.ts';
import { RepositoryExamination } from './repository.ts';
import { checkRollouts } from './rollouts.ts';
import { checkRoot } from './root.ts';

async function judgeTls(tls: NonNullable<RelayConfig['tls']>): Promise<Verdict> {
  for (const path of [tls.certFile, tls.keyFile, tls.clientCaFile]) {
    const reason = path === undefined ? undefined : await whyUnreadable(path);
    if (reason !== undefined) return wrong(`cannot read ${path}: ${reason}`, 'mount the Secret there');
  }
  try {
    await loadSecureContext({ verify: false, caFile: undefined, clientCertificate: tls });
    return ok('certificate and key belong together');
  } catch (error) {
    return wrong(messageOf(error), 'give a certificate and its own key as PEM (`--tls-cert-file`, `--tls-key-file`)');
  }
}

function checkFiles(examination: Examination, { tls, accessFile }: RelayConfig, { clock }: Parts): void {
  examination.check({
    name: 'tls files',
    target: tls?.certFile ?? 'certificate',
    look: async () => (tls ? await judgeTls(tls) : none('none are set')),
  });
  examination.check({
    name: 'access file',
    target: accessFile ?? 'access file',
    look: async () => {
      if (accessFile === undefined) return ok('none is set: every client that reaches the relay may read all');
      const reason = await whyUnreadable(accessFile);
      if (reason !== undefined)
        return wrong(`it cannot be read: ${reason}`, 'mount the Secret there, or correct `--access-file`');
      await new Access(accessFile, silentLogger, clock).open();
      return ok('it can be read');
    },
  });
}

interface Upstream {
  readonly name: RepositoryName;
  readonly url: string;
}

/** The repositories that are always followed, as the patterns lead to them. */
function followed({ follow, allow }: RelayConfig): Upstream[] {
  const patterns = [...allow, ...follow].map((text) => new AllowPattern(text));
  return follow.map(followedName).flatMap((name) => {
    const found = patterns.map((pattern) => pattern.resolve(name)).find((each) => each !== undefined);
    return found ? [found] : [];
  });
}

/** Servers of which only a pattern of repositories is known. */
function checkOrigins(examination: Examination, { allow, follow }: RelayConfig): Check[] {
  const origins = allow.filter((text) => !follow.includes(text)).flatMap((text) => new AllowPattern(text).origin ?? []);
  return [...new Set(origins)].map((origin) =>
    checkAddress(examination, hostPortOf(new URL(origin)), { dns: 'dns', tcp: 'tcp' }),
  );
}

/** Everything that a relay needs. */
export async function examineRelay(
  examination: Examination,
  config: RelayConfig,
  parts: Parts,
  signal: AbortSignal,
): Promise<void> {
  const [git] = programsOf({ git: config.git, lfs: false });
  const programs = git ? [checkProgram(examination, git, config.environment, parts)] : [];
  checkRoot(examination, { root: config.root, option: '--root', holdsRepository: false, moveAside: false }, signal);
  checkFiles(examination, config, parts);
  checkRollouts(examination, config);
  const tools = await openGit(
    config,
    config.root,
    async (directory, memory) => await hermeticOptions({ config, root: directory }, directory, memory),
    parts,
    silentLogger,
  );
  if (config.verify) {
    const { checkVerifiers } = await import('./signature.ts');
    const { verify, environment } = config;
    await checkVerifiers(examination, { verify, environment, directory: tools.directory }, parts);
  }
  const ahead: number[] = [];
  const { parent } = config;
  const token = parent?.tokenFile;
  const atParent =
    parent && token !== undefined ? [{ url: `${parent.url}/git`, username: RELAY_USER, passwordFile: token }] : [];
  const begin = async ({ name, url }: Upstream): Promise<Check> => {
    const remote = parent ? remoteAtRelay(parent, name) : parseRemoteUrl(url);
    const access = {
      ...config,
      credentials: [...config.credentials, ...atParent],
      gitConfigAdd: upstreamGitSettings(config),
      mode: 'v4' as const,
      remote,
      withoutDefaults: undefined,
    };
    const plan = {
      access,
      tools,
      choice: chooseFirst('HEAD', ['HEAD']),
      requested: 'HEAD',
      programs,
      prefix: '',
      knownHosts: ownKnownHosts(config.root),
      onClock: (aheadMs: number) => void ahead.push(aheadMs),
    };
    return await new RepositoryExamination(examination, plan, parts).begin();
  };
  let asked: Check[] = [];
  try {
    checkOrigins(examination, config);
    asked = await Promise.all(followed(config).map(begin));
  } catch (error) {
    if (!(error instanceof SidecarError)) throw error;
    const { detail, hint, target = 'pattern' } = error;
    examination.check({ name: 'patterns', target, look: () => wrong(detail, hint) });
  }
  checkNats(examination, config.nats);
  checkClock(examination, asked, () => ahead);
}

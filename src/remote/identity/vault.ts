import { SidecarError } from '../../model/error.ts';
import type { Clock } from '../../platform/clock.ts';
import { fillTemplates } from './fields.ts';
import type { Identity, IdentityTools, Obtained } from './identity.ts';
import type { VaultConfig } from './identity-config.ts';
import { askParty, lacking, PartyFailure, type PartyQuestion, readObject, textIn } from './party.ts';
import { readTokenFile } from './token-file.ts';

/** A secret without a lease may be replaced at any time: it is read again after this time. */
const REREAD_MS = 60_000;
/** Share of the life of Vault's own token after which another one is asked for. */
const USED_SHARE = 0.8;

interface Login {
  readonly token: string;
  /** Milliseconds since the epoch. */
  readonly until: number;
}

type Fields = Readonly<Record<string, unknown>>;

function objectIn(value: unknown): Fields | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : undefined;
}

/** What KV holds: version 2 wraps the fields and says so with its metadata. */
function fieldsIn(data: Fields): Fields | undefined {
  const isVersion2 = objectIn(data.metadata) !== undefined && 'data' in data;
  return isVersion2 ? objectIn(data.data) : data;
}

class VaultSession {
  readonly #config: VaultConfig;
  readonly #tools: IdentityTools;
  readonly #clock: Clock;
  #login: Login | undefined;

  constructor(config: VaultConfig, tools: IdentityTools) {
    this.#config = config;
    this.#tools = tools;
    this.#clock = tools.clock;
  }

  /** @throws PartyFailure, SidecarError ERR_REMOTE_CREDENTIAL_SOURCE */
  async read(signal: AbortSignal): Promise<Obtained> {
    const kept = this.#login !== undefined;
    try {
      return await this.#read(await this.#token(signal), signal);
    } catch (error) {
      // A token that was revoked, or whose policies are older than the secret.
      if (!kept || !(error instanceof PartyFailure) || !/\bstatus 403\b/.test(error.detail)) throw error;
      this.#login = undefined;
      return await this.#read(await this.#token(signal), signal);
    }
  }

  #question(method: 'GET' | 'POST', path: string, hint: string, token?: string): PartyQuestion {
    const { endpoint, namespace } = this.#config;
    const headers = {
      'x-vault-request': 'true',
      ...(namespace !== '' && { 'x-vault-namespace': namespace }),
      ...(token !== undefined && { 'x-vault-token': token }),
    };
    return { party: 'Vault', method, url: `${endpoint.replace(/\/+$/, '')}/v1/${path}`, headers, hint };
  }

  async #token(signal: AbortSignal): Promise<string> {
    const { role, mount, tokenFile } = this.#config;
    const { http, learn } = this.#tools;
    if (role === '') return await readTokenFile(tokenFile, learn);
    if (this.#login && this.#clock.now() < this.#login.until) return this.#login.token;
    const hint = `See which service accounts the role takes: \`vault read auth/${mount}/role/${role}\`.`;
    const question = this.#question('POST', `auth/${mount}/login`, hint);
    const json = { role, jwt: await readTokenFile(tokenFile, learn) };
    const now = this.#clock.now();
    const answer = readObject(await askParty({ ...question, json }, http, now, signal), question);
    const auth = objectIn(answer.auth);
    if (!auth) throw lacking('auth', question);
    const token = textIn(auth, 'client_token', question);
    learn(token);
    const seconds = Number(auth.lease_duration ?? 0);
    this.#login = { token, until: now + (seconds > 0 ? seconds * USED_SHARE : REREAD_MS / 1000) * 1000 };
    return token;
  }

  async #read(token: string, signal: AbortSignal): Promise<Obtained> {
    const { path, templates } = this.#config;
    const question = this.#question('GET', path, `Read it by hand: \`vault read ${path}\`.`, token);
    const now = this.#clock.now();
    const answer = readObject(await askParty(question, this.#tools.http, now, signal), question);
    const data = objectIn(answer.data);
    const fields = data && fieldsIn(data);
    if (!fields) throw lacking('data', question);
    const filled = fillTemplates(templates, fields, (detail) => {
      const facts = { op: 'use the secret of Vault at', target: path, hint: question.hint };
      return new SidecarError('ERR_REMOTE_CREDENTIAL_SOURCE', { ...facts, detail });
    });
    const isLease = typeof answer.lease_id === 'string' && answer.lease_id !== '';
    const seconds = Number(answer.lease_duration ?? 0);
    return { ...filled, expiresAt: now + (isLease && seconds > 0 ? seconds * 1000 : REREAD_MS) };
  }
}

/** A secret in Vault or OpenBao: fields of KV, or what a secrets engine makes for the time of a lease. */
export function vaultIdentity(config: VaultConfig, tools: IdentityTools): Identity {
  const session = new VaultSession(config, tools);
  return { name: 'vault', obtain: async (signal) => await session.read(signal) };
}

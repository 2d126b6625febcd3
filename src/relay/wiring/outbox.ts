import { HttpClient } from '../../platform/http-client.ts';
import { visibleText } from '../../platform/visible-text.ts';
import { KeptToken } from '../../remote/identity/kept-token.ts';
import type { Ambient } from '../../service/ambient.ts';
import type { AppTokens } from '../answers/destination-tools.ts';
import { Ledger } from '../answers/ledger.ts';
import { Outbox, type OutboxOptions } from '../answers/outbox.ts';
import type { RolloutDesk } from '../server/rollouts/rollout-desk.ts';
import type { RelayWiring } from './wire.ts';

type OutboxWiring = Pick<RelayWiring, 'config' | 'root'> &
  Pick<Ambient, 'clock' | 'random' | 'log' | 'metrics' | 'redactor' | 'withoutDefaults'>;

/** Tokens of the relay's GitHub App; its code is loaded when the first one is needed. */
function appTokens(
  { config, clock, random, log, metrics, redactor }: OutboxWiring,
  http: HttpClient,
): AppTokens | undefined {
  const { githubApp: app } = config;
  if (!app) return undefined;
  let kept: Promise<KeptToken> | undefined;
  const open = async (): Promise<KeptToken> => {
    const { gitHubApp } = await import('../../remote/github-app.ts');
    const onRefresh = (ok: boolean): void =>
      metrics?.count('git_sync_refresh_github_app_token_count', { status: ok ? 'success' : 'error' });
    return new KeptToken({ identity: gitHubApp(app, http, clock), clock, random, log, onRefresh });
  };
  let opened: KeptToken | undefined;
  return {
    token: async (signal) => {
      kept ??= open();
      opened = await kept;
      const { password } = await opened.get(signal);
      redactor.addRenewed(password);
      return password;
    },
    refused: () => opened?.refused() ?? false,
  };
}

/** Who gets to know of the rollouts of a relay. */
export function createOutbox(wiring: OutboxWiring, rollouts: RolloutDesk): Outbox {
  const { config, root, clock, random, log, metrics, redactor, withoutDefaults } = wiring;
  const http = new HttpClient(config.environment, withoutDefaults);
  const options: OutboxOptions = {
    ...{ clock, random, log, metrics, http },
    ledger: new Ledger(root, log),
    learn: (secret) => redactor.addRenewed(secret),
    githubApp: appTokens(wiring, http),
    states: () => rollouts.states(),
    view: (repository, ref) => rollouts.view(repository, ref),
    isDeciding: () => rollouts.isDeciding,
    clean: (text) => redactor.redact(visibleText(text)),
  };
  return new Outbox(options);
}

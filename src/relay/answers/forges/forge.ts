import type { AnswerConfig, Forge } from '../../../config/answer-config.ts';
import type { Authorize } from '../asking.ts';
import { DeliveryFailure } from '../delivery-failure.ts';
import type { DestinationTools } from '../destination-tools.ts';
import { readSecretFile } from '../secret-file.ts';
import { azureDevOps } from './azure-devops.ts';
import { bitbucketCloud } from './bitbucket-cloud.ts';
import { bitbucketDataCenter } from './bitbucket-data-center.ts';
import { type ForgeApi, OddRepository } from './forge-api.ts';
import { gitea } from './gitea.ts';
import { github } from './github.ts';
import { gitlab } from './gitlab.ts';

/** A forge with the credential for it. */
export interface OpenForge extends Pick<ForgeApi, 'send' | 'hints' | 'alwaysResets' | 'keepsText'> {
  readonly authorize: Authorize;
}

const APIS: Readonly<Record<Forge, (config: AnswerConfig) => ForgeApi>> = {
  github,
  gitlab,
  gitea,
  'bitbucket-cloud': bitbucketCloud,
  'bitbucket-data-center': bitbucketDataCenter,
  'azure-devops': azureDevOps,
};

async function appToken(config: AnswerConfig, { githubApp }: DestinationTools, signal: AbortSignal): Promise<string> {
  if (githubApp) return await githubApp.token(signal);
  throw new DeliveryFailure({
    verdict: 'blocked',
    op: 'write to',
    target: new URL(config.api).origin,
    detail: 'the relay has no GitHub App',
    hint: 'Give the relay --github-app-application-id and what belongs to it, or the entry a token-file.',
  });
}

/** The forge of an entry. */
export function forgeOf(config: AnswerConfig, tools: DestinationTools): OpenForge {
  const { send, headersFor, hints, alwaysResets = false, keepsText = false } = APIS[config.to](config);
  const isRenewed = (error: unknown): boolean =>
    config.tokenFile === undefined &&
    error instanceof DeliveryFailure &&
    error.verdict === 'blocked' &&
    tools.githubApp?.refused() === true;
  return {
    send: async (status, ask) => {
      try {
        await send(status, ask).catch(async (error: unknown) => {
          if (!isRenewed(error)) throw error;
          await send(status, ask);
        });
      } catch (cause) {
        if (!(cause instanceof OddRepository)) throw cause;
        const hint = 'Narrow repository of the entry, so that it is about repositories of this forge alone.';
        const facts = { op: 'write to', target: new URL(config.api).origin, detail: cause.message, cause, hint };
        throw new DeliveryFailure({ verdict: 'refused', ...facts });
      }
    },
    hints,
    alwaysResets,
    keepsText,
    authorize: async (_question, signal) => {
      const { tokenFile, user } = config;
      const isApp = tokenFile === undefined;
      const token = isApp ? await appToken(config, tools, signal) : await readSecretFile(tokenFile, tools.learn);
      return headersFor(token, user);
    },
  };
}

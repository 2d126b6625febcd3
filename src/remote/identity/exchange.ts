import type { Identity, IdentityTools, Obtained } from './identity.ts';
import type { ExchangeConfig } from './identity-config.ts';
import { askParty, endOf, type PartyQuestion, readObject, textIn } from './party.ts';
import { readTokenFile } from './token-file.ts';

export const TOKEN_EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';

/** OAuth 2.0 token exchange (RFC 8693): a token of this Pod for one that the git server accepts. */
export function exchangeIdentity(config: ExchangeConfig, { http, clock, learn }: IdentityTools): Identity {
  return {
    name: 'exchange',
    obtain: async (signal): Promise<Obtained> => {
      const question: PartyQuestion = {
        party: 'the token exchange',
        method: 'POST',
        url: config.endpoint,
        form: {
          grant_type: TOKEN_EXCHANGE,
          subject_token: await readTokenFile(config.tokenFile, learn),
          subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
          audience: config.audience,
          scope: config.scope,
          client_id: config.clientId,
        },
        hint: 'Compare issuer, subject and audience of the token with what the server trusts; see the token with `kubectl create token SERVICEACCOUNT --audience AUDIENCE`.',
      };
      const now = clock.now();
      const answer = readObject(await askParty(question, http, now, signal), question);
      const password = textIn(answer, 'access_token', question);
      return { username: config.username, password, ...endOf(answer.expires_in, now) };
    },
  };
}

import type { Identity, IdentityTools, Obtained } from './identity.ts';
import type { AzureConfig } from './identity-config.ts';
import { askParty, endOf, type PartyQuestion, readObject, textIn } from './party.ts';
import { readTokenFile } from './token-file.ts';

/** Microsoft identity platform, "client credentials flow with a federated credential". */
async function workloadQuestion(
  { endpoint, tenantId, clientId, scope, tokenFile = '' }: AzureConfig,
  { learn }: IdentityTools,
): Promise<PartyQuestion> {
  return {
    party: 'Microsoft Entra ID',
    method: 'POST',
    url: `${endpoint.replace(/\/+$/, '')}/${encodeURIComponent(tenantId)}/oauth2/v2.0/token`,
    form: {
      client_id: clientId,
      scope,
      grant_type: 'client_credentials',
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: await readTokenFile(tokenFile, learn),
    },
    hint: `Compare issuer, subject and audience with the federated credential: \`az identity federated-credential list\` or \`az ad app federated-credential list --id ${clientId}\`.`,
  };
}

/** Azure instance metadata service, "managed identities for Azure resources: acquire a token". */
function managedQuestion({ endpoint, clientId, scope }: AzureConfig): PartyQuestion {
  const query = new URLSearchParams({
    'api-version': '2018-02-01',
    resource: scope.replace(/\/\.default$/, ''),
    ...(clientId !== '' && { client_id: clientId }),
  });
  return {
    party: 'the managed identity of this machine',
    method: 'GET',
    url: `${endpoint.replace(/\/+$/, '')}/metadata/identity/oauth2/token?${query}`,
    headers: { metadata: 'true' },
    hint: 'Give this machine an identity (`az vm identity show`), or label the Pod `azure.workload.identity/use: "true"` so that AZURE_FEDERATED_TOKEN_FILE is set.',
  };
}

/** Azure workload identity, or the managed identity of the machine: a token of Microsoft Entra ID for Azure DevOps. */
export function azureIdentity(config: AzureConfig, tools: IdentityTools): Identity {
  const isWorkload = config.tokenFile !== undefined;
  return {
    name: 'azure',
    obtain: async (signal): Promise<Obtained> => {
      const question = isWorkload ? await workloadQuestion(config, tools) : managedQuestion(config);
      const now = tools.clock.now();
      const text = await askParty(question, isWorkload ? tools.http : tools.direct, now, signal);
      const answer = readObject(text, question);
      const password = textIn(answer, 'access_token', question);
      return { username: config.username, password, ...endOf(answer.expires_in, now) };
    },
  };
}

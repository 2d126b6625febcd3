import type { Identity, IdentityTools } from './identity.ts';
import type { IdentityConfig } from './identity-config.ts';

/** The identity that the configuration names; only its own code is loaded. */
export async function createIdentity(config: IdentityConfig, tools: IdentityTools): Promise<Identity> {
  switch (config.kind) {
    case 'azure':
      return (await import('./azure.ts')).azureIdentity(config, tools);
    case 'aws':
      return (await import('./aws.ts')).awsIdentity(config, tools);
    case 'google':
      return (await import('./google.ts')).googleIdentity(config, tools);
    case 'exchange':
      return (await import('./exchange.ts')).exchangeIdentity(config, tools);
    case 'vault':
      return (await import('./vault.ts')).vaultIdentity(config, tools);
    case 'file':
      return (await import('./file.ts')).fileIdentity(config, tools);
  }
}

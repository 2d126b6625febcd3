import type { AwsConfig, IdentityConfig } from './identity-config.ts';

function host(url: string): string {
  return URL.canParse(url) ? new URL(url).host : url;
}

function describeAws({ keys, stsUrl }: AwsConfig): string {
  switch (keys.from) {
    case 'web-identity':
      return `AWS role ${keys.role} with ${keys.tokenFile}${stsUrl === undefined ? '' : ` at ${host(stsUrl)}`}`;
    case 'container':
      return `AWS Pod identity at ${host(keys.url)}`;
    case 'variables':
      return `AWS key ${keys.keyId} of the environment`;
  }
}

/** An identity as a person knows it, without anything that is secret. */
export function describeIdentity(config: IdentityConfig): string {
  switch (config.kind) {
    case 'azure':
      return config.tokenFile === undefined
        ? `Azure managed identity ${config.clientId || 'of this machine'} at ${host(config.endpoint)}`
        : `Azure workload identity ${config.clientId} with ${config.tokenFile} at ${host(config.endpoint)}`;
    case 'aws':
      return describeAws(config);
    case 'google':
      return config.credentialsFile === undefined
        ? `Google service account of ${host(config.metadataUrl)}`
        : `Google credentials in ${config.credentialsFile}`;
    case 'exchange':
      return `token exchange of ${config.tokenFile} at ${host(config.endpoint)}`;
    case 'vault':
      return `Vault ${config.path} at ${host(config.endpoint)}${config.role === '' ? '' : ` with role ${config.role}`}`;
    case 'file':
      return `fields of ${config.path}`;
  }
}

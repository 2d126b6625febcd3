/** Microsoft Entra ID, for Azure DevOps. */
export interface AzureConfig {
  readonly kind: 'azure';
  /** Set: workload identity, with this file as proof. undefined: the managed identity of the machine. */
  readonly tokenFile: string | undefined;
  /** Of the authority, or of the metadata service where there is no token file. */
  readonly endpoint: string;
  readonly tenantId: string;
  /** Empty: the only managed identity of the machine. */
  readonly clientId: string;
  readonly scope: string;
  /** Azure DevOps looks at no user name. */
  readonly username: string;
}

/** Where AWS keys come from. */
export type AwsKeySource =
  | { readonly from: 'web-identity'; readonly role: string; readonly tokenFile: string; readonly sessionName: string }
  | { readonly from: 'container'; readonly url: string; readonly tokenFile?: string; readonly token?: string }
  | { readonly from: 'variables'; readonly keyId: string; readonly secret: string; readonly sessionToken?: string };

/** AWS, for CodeCommit. */
export interface AwsConfig {
  readonly kind: 'aws';
  readonly keys: AwsKeySource;
  /** Of git servers whose name does not say it; empty: none is known. */
  readonly region: string;
  /** Of the token service; undefined: that of the region. */
  readonly stsUrl: string | undefined;
}

/** Google Cloud. */
export interface GoogleConfig {
  readonly kind: 'google';
  /** JSON of type external_account or service_account; undefined: the metadata server. */
  readonly credentialsFile: string | undefined;
  readonly metadataUrl: string;
  readonly scope: string;
  readonly username: string;
}

/** Any server of OAuth token exchange (RFC 8693). */
export interface ExchangeConfig {
  readonly kind: 'exchange';
  readonly endpoint: string;
  readonly tokenFile: string;
  readonly audience: string;
  readonly scope: string;
  readonly clientId: string;
  readonly username: string;
}

/** A secret in Vault or OpenBao. */
export interface VaultConfig {
  readonly kind: 'vault';
  readonly endpoint: string;
  /** Of the API, behind `/v1/`: `secret/data/git` for version 2 of KV. */
  readonly path: string;
  readonly namespace: string;
  /** Of the Kubernetes login; empty: `tokenFile` holds a token of Vault. */
  readonly role: string;
  /** Where the Kubernetes login is mounted. */
  readonly mount: string;
  readonly tokenFile: string;
  readonly templates: Templates;
}

/** A file with fields. */
export interface FileConfig {
  readonly kind: 'file';
  readonly path: string;
  readonly templates: Templates;
}

/** Texts with `{{.field}}` in them. */
export interface Templates {
  readonly username: string;
  readonly password: string;
}

export type IdentityConfig = AzureConfig | AwsConfig | GoogleConfig | ExchangeConfig | VaultConfig | FileConfig;

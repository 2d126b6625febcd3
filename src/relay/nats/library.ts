import { Kvm } from '@nats-io/kv';
import { connect, credsAuthenticator } from '@nats-io/transport-node';

/**
 * What we use of NATS's client. It is a bundle of its own (scripts/build.js), read only where `--nats` is set, because a
 * program's text stays in memory, and a sidecar is multiplied by Pods.
 */
export const nats = { connect, credsAuthenticator, Kvm };

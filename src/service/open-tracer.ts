import { hostname } from 'node:os';
import { HttpClient } from '../platform/http-client.ts';
import type { Resource } from '../platform/trace/otlp.ts';
import type { Tracer, TracerOptions } from '../platform/trace/tracer.ts';
import { VERSION } from '../platform/version.ts';
import type { Ambient } from './ambient.ts';

interface Traced {
  readonly traces: Pick<TracerOptions, 'endpoint' | 'headersFile'> | undefined;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** `k=v,k=v`, percent-encoded (https://opentelemetry.io/docs/specs/otel/resource/sdk/); what is none is left out. */
function readAttributes(text = ''): Resource {
  const pairs = text.split(',').flatMap((pair) => {
    const [, name = '', value = ''] = /^\s*([^=\s]+)=(.*?)\s*$/.exec(pair) ?? [];
    try {
      return name === '' ? [] : [[name, decodeURIComponent(value)] as const];
    } catch {
      return [];
    }
  });
  return Object.fromEntries(pairs);
}

/**
 * Where spans go; undefined where nothing is traced.
 * @param command what this process, or this unit of it, does
 * @param instance its name in the fleet; default: the host's
 */
export async function openTracer(
  { traces, environment }: Traced,
  { clock, log, redactor, withoutDefaults }: Pick<Ambient, 'clock' | 'log' | 'redactor' | 'withoutDefaults'>,
  command: string,
  instance: string = hostname(),
): Promise<Tracer | undefined> {
  if (!traces) return undefined;
  // Most processes trace nothing, and do not load it.
  const { Tracer: Opened } = await import('../platform/trace/tracer.ts');
  const resource = {
    'service.name': environment.OTEL_SERVICE_NAME || 'git-sidecar',
    'service.version': VERSION,
    'service.instance.id': instance,
    'git_sidecar.command': command,
    ...readAttributes(environment.OTEL_RESOURCE_ATTRIBUTES),
  };
  return new Opened({ ...traces, resource, http: new HttpClient(environment, withoutDefaults), clock, log, redactor });
}

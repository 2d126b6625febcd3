import type { HttpConfig } from '../config/sync-config.ts';
import type { Ambient } from '../service/ambient.ts';
import type { Service } from '../service/service.ts';
import { openEndpoint } from './endpoint.ts';

/**
 * Serves `service` at an address of its own: the endpoint of the process answers nothing for it but probes and status.
 * @throws SidecarError ERR_SERVE_BIND; the service has ended then
 */
export async function atOwnAddress(
  name: string,
  service: Service,
  http: HttpConfig,
  { clock, log }: Ambient,
): Promise<Service> {
  const services = new Map([[name, service]]);
  const hurry = AbortSignal.abort();
  try {
    const own = { http, metrics: undefined, hasUnits: false, services: () => services, routes: [] };
    const server = await openEndpoint({ ...own, clock, log });
    service.onServing?.(server);
    return {
      routes: [],
      inbound: undefined,
      get pending() {
        return service.pending;
      },
      readiness: () => service.readiness(),
      liveness: () => service.liveness(),
      status: () => service.status(),
      showMetrics: () => service.showMetrics(),
      run: async (signal) => await service.run(signal),
      wake: () => service.wake(),
      stop: async (order) => void (await Promise.all([service.stop(order), server.close()])),
    };
  } catch (error) {
    await service.stop({ signal: undefined, hurry });
    throw error;
  }
}

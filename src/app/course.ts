import type { ServiceEnd } from '../service/service.ts';
import { EXIT } from './outcome.ts';
import type { Plan } from './plan.ts';
import type { RunningProcess } from './running-process.ts';

/** What a process does with its units, in which order. */
export interface Course {
  /** Works until it ends by itself or `signal` fires. @throws what keeps the process from starting */
  run(plan: Plan, running: RunningProcess, signal: AbortSignal): Promise<ServiceEnd>;
  /** SIGHUP; undefined: it ends the process. */
  readonly reload?: () => void;
}

/** A command: its last unit is what the process is there for, and the others are kept going beside it. */
export const leadLast: Course = {
  run: async ({ units, http }, running, signal) => {
    for (const unit of units) await running.add(unit).open(signal);
    await running.serve(http);
    const lives = [...running.lives.values()];
    const leader = lives.pop();
    for (const life of lives) life.keep(signal);
    return (await leader?.lead(signal)) ?? { status: EXIT.ok };
  },
};

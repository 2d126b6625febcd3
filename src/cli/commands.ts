import { splitForDoctor } from '../config/doctor-words.ts';
import type { CommandName } from '../config/option.ts';
import { readProgram } from '../config/process-input.ts';
import type { Command } from './perform.ts';
import { SYNC } from './sync.ts';

/** THE table of commands. What a command needs is loaded when it starts. */
export const COMMANDS: Readonly<Record<CommandName, Command>> = {
  sync: SYNC,
  run: { name: 'run', start: async (call) => await (await import('./run.ts')).startRun(call) },
  relay: { name: 'relay', start: async (call) => await (await import('./relay.ts')).startRelay(call) },
  up: {
    name: 'up',
    words: 1,
    start: async (call) => await (await import('./up.ts')).startUp(call),
    explain: async (call) => (await import('./up.ts')).explainUp(call),
  },
  status: { name: 'status', words: 1, start: async (call) => await (await import('./status.ts')).startStatus(call) },
  fleet: { name: 'fleet', words: 4, start: async (call) => await (await import('./fleet.ts')).startFleet(call) },
  doctor: {
    name: 'doctor',
    split: splitForDoctor,
    start: async (call) => await (await import('./doctor.ts')).startDoctor(call),
  },
  rollback: {
    name: 'rollback',
    words: 1,
    start: async (call) => await (await import('./rollback.ts')).startRollback(call),
  },
  install: {
    name: 'install',
    words: 1,
    start: async (call) => await (await import('./install.ts')).startInstall(call, readProgram()),
  },
  demo: { name: 'demo', start: async ({ env, io }) => await (await import('./demo.ts')).demoCommand(env, io) },
};

import type { ChildProcess } from 'node:child_process';

/** Words put in front of a server's command, to start it in a control group for instance. */
export type Prefix = readonly string[];

/** Ends `children`, which lead process groups of their own, with everything they started; waits until they are gone. */
export async function stopAll(children: readonly ChildProcess[]): Promise<void> {
  await Promise.all(
    children.map(
      (child) =>
        new Promise<void>((done) => {
          if (child.exitCode !== null || child.signalCode !== null) return done();
          child.once('exit', () => done());
          process.kill(-(child.pid ?? 0), 'SIGTERM');
        }),
    ),
  );
}

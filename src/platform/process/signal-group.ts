/**
 * Signals all processes of a group; one that is gone is no error.
 *
 * @param leader the id of the process that leads it; undefined: it was not started
 */
export function signalGroup(leader: number | undefined, name: NodeJS.Signals): void {
  if (leader === undefined) return;
  try {
    process.kill(-leader, name);
  } catch {
    // The group is gone already.
  }
}

import { appendFileSync } from 'node:fs';
import { test } from 'vitest';
import { SCENARIOS } from './kit/crash-points/scenarios.ts';
import { sweep } from './kit/crash-points/sweep.ts';
import { tempDir } from './kit/temp.ts';

for (const [i, s] of SCENARIOS.entries())
  test.runIf((process.env.ONLY ?? '01234567').includes(String(i)))(
    s.name,
    async () => {
      const t = performance.now();
      const r = await sweep(tempDir(), s, { step: Number(process.env.EVERY ?? 20) });
      appendFileSync(
        '/tmp/tell-sweep.log',
        `== ${s.name} ${r.points} points, ${r.killed} killed, missed ${r.missed.length}: ${r.missed.join(' | ').slice(0, 500)}, ${Math.round(performance.now() - t)} ms\n${r.faults.map((f) => `  - ${f.replaceAll(/[0-9a-f]{16}/g, '*').slice(0, 900)}`).join('\n')}\n`,
      );
    },
    580000,
  );

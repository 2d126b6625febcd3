import type { Stage } from './cycle.ts';

type Reads<One extends Stage> = One extends {
  readonly run: (context: never, found: infer Read, scope: never) => unknown;
}
  ? Read
  : unknown;
type Finds<One extends Stage> = Awaited<ReturnType<One['run']>>;

/** What a stage can rely on: findings of stages that are left out in a settled cycle are there for their like only. */
type Available<One extends Stage, Sure, Skipped> = One extends { readonly unlessSettled: true }
  ? Sure & Skipped
  : Sure & Partial<Skipped>;

/** `true` when each stage reads only what those before it found. */
export type IsInOrder<Stages extends readonly Stage[], Sure = object, Skipped = object> = Stages extends readonly [
  infer One extends Stage,
  ...infer Rest extends readonly Stage[],
]
  ? Available<One, Sure, Skipped> extends Reads<One>
    ? One extends { readonly unlessSettled: true }
      ? IsInOrder<Rest, Sure, Skipped & Finds<One>>
      : IsInOrder<Rest, Sure & Finds<One>, Skipped>
    : 'a stage reads what no stage before it has found'
  : true;

/** The stages as they are given. A list in which a stage reads what no earlier stage has found does not compile. */
export function inOrder<const Stages extends readonly Stage[]>(
  stages: Stages & (IsInOrder<Stages> extends true ? unknown : IsInOrder<Stages>),
): readonly Stage[] {
  return stages;
}

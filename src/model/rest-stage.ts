/** The name of the stage behind all others: the instances of a rollout that no stage of its policy selects. */
export const REST = 'the rest';

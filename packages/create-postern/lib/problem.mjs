// What the person at the terminal can mend.

/** A reason to stop that is told without a stack trace. */
export class Problem extends Error {}

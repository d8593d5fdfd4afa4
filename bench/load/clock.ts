/** Milliseconds with their fractions on the machine's monotonic clock: the same in every thread, and in V8's profiles. */
export const now = (): number => Number(process.hrtime.bigint()) / 1e6

/**
 * Wakes the load generator when messages are due. A thread of its own, because `Atomics.wait` is exact to a tenth of a
 * millisecond where a timer of Node.js is late by up to one and a half.
 */
import { parentPort, workerData } from "node:worker_threads"
import { arrivals, type Schedule } from "./arrivals.ts"
import { now } from "./clock.ts"

export interface PacerData {
  readonly schedule: Schedule
  /** Beginning of the warm-up on the clock of `now`. */
  readonly startedAt: number
}

const { schedule, startedAt }: PacerData = workerData
const never = new Int32Array(new SharedArrayBuffer(4))

let due: Array<number> = []
for (const at of arrivals(schedule)) {
  const intended = startedAt + at
  const wait = intended - now()
  if (wait > 0) {
    if (due.length > 0) parentPort?.postMessage(due, [])
    due = []
    Atomics.wait(never, 0, 0, wait)
  }
  due.push(intended)
}
parentPort?.postMessage(due, [])

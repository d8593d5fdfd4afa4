import { Layer, Scheduler } from "effect"

/**
 * Effect's own scheduler resumes fibers in the order in which they have yielded, each by a callback of its own. This one
 * goes through all that wait, once a turn of the event loop, in the order of their priorities: those of `atStage`. A fiber
 * that yields for a later stage goes on in the same turn; one that yields for the same or an earlier one waits for the next,
 * so that sockets and timers always get their turn.
 */
export class StagedScheduler implements Scheduler.Scheduler {
  /** For all fibers in its scope. */
  static readonly layer: Layer.Layer<never> = Layer.sync(Scheduler.Scheduler, () => new StagedScheduler())

  readonly #mixed = new Scheduler.MixedScheduler()
  readonly #dispatcher = new StagedDispatcher(this.#mixed.setImmediate)

  get executionMode(): "sync" | "async" {
    return this.#mixed.executionMode
  }

  shouldYield(fiber: Parameters<Scheduler.Scheduler["shouldYield"]>[0]): boolean {
    return this.#mixed.shouldYield(fiber)
  }

  /** One for all fibers: those of different sessions are to meet in it. */
  makeDispatcher(): Scheduler.SchedulerDispatcher {
    return this.#dispatcher
  }
}

class StagedDispatcher implements Scheduler.SchedulerDispatcher {
  /** Tasks by stage. */
  readonly #waiting: Array<Array<() => void>> = []
  readonly #setImmediate: (turn: () => void) => () => void
  #cancelTurn: (() => void) | undefined

  constructor(setImmediate: (turn: () => void) => () => void) {
    this.#setImmediate = setImmediate
  }

  /** `stage` is a whole number; one below 0 counts as 0. */
  scheduleTask(task: () => void, stage: number): void {
    const index = Math.max(0, stage)
    while (this.#waiting.length <= index) this.#waiting.push([])
    this.#waiting[index]?.push(task)
    this.#cancelTurn ??= this.#setImmediate(this.#turn)
  }

  flush(): void {
    while (this.#isWaiting()) this.#goThrough()
    this.#cancelTurn?.()
    this.#cancelTurn = undefined
  }

  readonly #turn = (): void => {
    try {
      this.#goThrough()
    } finally {
      this.#cancelTurn = this.#isWaiting() ? this.#setImmediate(this.#turn) : undefined
    }
  }

  #goThrough(): void {
    for (let stage = 0; stage < this.#waiting.length; stage++) {
      const tasks = this.#waiting[stage]
      if (tasks === undefined || tasks.length === 0) continue
      this.#waiting[stage] = []
      let next = 0
      try {
        while (next < tasks.length) tasks[next++]?.()
      } finally {
        // A task that throws ends the turn, and takes no other one with it.
        if (next < tasks.length) this.#waiting[stage]?.unshift(...tasks.slice(next))
      }
    }
  }

  #isWaiting(): boolean {
    return this.#waiting.some((tasks) => tasks.length > 0)
  }
}

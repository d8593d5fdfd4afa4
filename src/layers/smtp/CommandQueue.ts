import { Effect } from "effect"
import type { Command } from "../../services/SmtpSession.ts"

/**
 * The commands of one connection on their way to its session. A session that waits goes on at once, before `post` returns,
 * and may answer by then: Effect's own queues wake whoever takes from them on the next turn of the event loop, a turn for
 * each command of each connection. A client has one command at a time with its session, so there is never much to keep.
 */
export class CommandQueue {
  readonly #posted: Array<Command> = []
  #resume: ((command: Effect.Effect<Command>) => void) | undefined

  post(command: Command): void {
    const resume = this.#resume
    this.#resume = undefined
    if (resume === undefined) this.#posted.push(command)
    else resume(Effect.succeed(command))
  }

  /** Waits for the next command. For one fiber: a second one that waits takes the place of the first. */
  readonly take: Effect.Effect<Command> = Effect.callback((resume) => {
    const command = this.#posted.shift()
    if (command !== undefined) return resume(Effect.succeed(command))
    this.#resume = resume
    return Effect.sync(() => {
      if (this.#resume === resume) this.#resume = undefined
    })
  })
}

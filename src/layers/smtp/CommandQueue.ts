import { Effect } from "effect"
import type { Command } from "../../services/SmtpSession.ts"
import { callbackAtStage, type Stage } from "../scheduling/atStage.ts"

/**
 * The commands of one connection on their way to its session. A session that waits goes on at the stage that the command
 * belongs to, with the same commands of other connections; without stages at once, before `post` returns. A client has one
 * command at a time with its session, so there is never much to keep.
 */
export class CommandQueue {
  readonly #posted: Array<Command> = []
  #resume: ((stage: Stage, command: Effect.Effect<Command>) => void) | undefined

  post(command: Command): void {
    const resume = this.#resume
    this.#resume = undefined
    if (resume === undefined) this.#posted.push(command)
    else resume(STAGE[command._tag], Effect.succeed(command))
  }

  /** The next command: one that has come already, at once. For one fiber: a second one that waits takes the place of the first. */
  readonly take: Effect.Effect<Command> = Effect.suspend(() => {
    const command = this.#posted.shift()
    return command === undefined ? this.#next : Effect.succeed(command)
  })

  readonly #next: Effect.Effect<Command> = callbackAtStage((resume) => {
    this.#resume = resume
    return Effect.sync(() => {
      if (this.#resume === resume) this.#resume = undefined
    })
  })
}

const STAGE: { readonly [Tag in Command["_tag"]]: Stage } = {
  Connect: "command",
  Secure: "command",
  Reset: "command",
  Auth: "command",
  MailFrom: "mailFrom",
  RcptTo: "rcptTo",
  Data: "data"
}

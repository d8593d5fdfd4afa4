import { Cause, Effect, FiberMap, FiberSet, Option } from "effect"
import { SmtpSession, type Command } from "../../services/SmtpSession.ts"
import { CommandQueue } from "./CommandQueue.ts"
import type { SubmissionConnection } from "./SubmissionConnection.ts"

/**
 * The session fibers of a server, owned by its scope. Everything here is called from the callbacks of sockets, so it is
 * synchronous; a session that ends with a defect takes its own connection with it and nothing else.
 */
export const makeSessionFibers = Effect.gen(function* () {
  const session = yield* SmtpSession
  const fibers = yield* FiberMap.make<string, void, never>()
  const fork = yield* FiberMap.runtime(fibers)()
  const report = yield* FiberSet.makeRuntime()
  const queues = new WeakMap<SubmissionConnection, CommandQueue>()

  return {
    open: (connection: SubmissionConnection): void => {
      const commands = new CommandQueue()
      queues.set(connection, commands)
      const close = Effect.sync(() => connection.close())
      const run = session.run({
        id: connection.id,
        clientAddress: connection.remoteAddress,
        serverPort: connection.localPort,
        nextCommand: commands.take,
        isSecure: () => connection.secure,
        close
      })
      fork(
        connection.id,
        run.pipe(
          Effect.tapDefect((defect) => Effect.andThen(Effect.logError("session_defect", Cause.die(defect)), close))
        )
      )
    },
    post: (connection: SubmissionConnection, command: Command): void => {
      queues.get(connection)?.post(command)
    },
    close: (connection: SubmissionConnection): void => {
      connection.abandon()
      queues.delete(connection)
      const fiber = FiberMap.getUnsafe(fibers, connection.id)
      if (Option.isSome(fiber)) fiber.value.interruptUnsafe()
    },
    /** Returns when every session has ended. */
    ended: FiberMap.awaitEmpty(fibers),
    /** Runs an effect that no session is there for. */
    report: (effect: Effect.Effect<void>): void => {
      report(effect)
    }
  }
})

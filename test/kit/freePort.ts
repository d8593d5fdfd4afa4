/** A port of 127.0.0.1 that nobody listens on right now, for a program that cannot choose one itself. */
import { Effect, Random } from "effect"
import { createServer } from "node:net"

/**
 * Below those that systems give to connections and to whoever listens on port 0 (32768 and more on Linux, 49152 and more
 * elsewhere): one of those may be somebody else's before the program has it.
 */
const LOWEST = 10_000
const HIGHEST = 32_767

const isFree = (port: number): Effect.Effect<boolean> =>
  Effect.callback((resume) => {
    const server = createServer()
    server.once("error", () => resume(Effect.succeed(false)))
    server.listen(port, "127.0.0.1", () => server.close(() => resume(Effect.succeed(true))))
  })

export const freePort: Effect.Effect<number> = Effect.gen(function* () {
  const port = yield* Random.nextIntBetween(LOWEST, HIGHEST)
  return (yield* isFree(port)) ? port : yield* freePort
})

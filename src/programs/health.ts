#!/usr/bin/env node
/**
 * Asks the gateway of this machine whether it is well; exits with 0 when it is and with 1 otherwise. `live` is asked
 * for unless the argument says `ready`. This is what a container without a shell and without curl runs as its health
 * check. It stands apart from the command line and imports little, because it runs every half minute in the memory of
 * the gateway's container, where the whole command line would take 100 MB for a moment.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Cause from "effect/Cause"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Console from "effect/Console"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import { get } from "node:http"
import { argv } from "node:process"

/** Whoever asks should not wait for an event loop that hangs. */
const PATIENCE_MILLIS = 4_000

class Unwell extends Data.TaggedError("Unwell")<{ readonly message: string }> {}

/** An address to connect to, for one to listen on. */
const reachable = (host: string): string => (["*", "::", "0.0.0.0"].includes(host) ? "127.0.0.1" : host)

const ask = (host: string, port: string, path: string): Effect.Effect<void, Unwell> =>
  Effect.callback((resume) => {
    const request = get({ host, port, path, agent: false, timeout: PATIENCE_MILLIS }, (response) => {
      response.resume()
      const { statusCode } = response
      resume(statusCode === 200 ? Effect.void : Effect.fail(new Unwell({ message: `${path} answers ${statusCode}` })))
    })
    request.on("timeout", () => request.destroy(new Error("no answer in time")))
    request.on("error", ({ message }) => resume(Effect.fail(new Unwell({ message: `${path}: ${message}` }))))
    return Effect.sync(() => request.destroy())
  })

const setting = (name: string) =>
  Effect.map(ConfigProvider.fromEnv().load([name]), (node) => {
    const text = node?.value?.trim()
    return text === "" ? undefined : text
  })

const health = Effect.gen(function* () {
  const host = (yield* setting("HTTP_HOST")) ?? "*"
  const port = (yield* setting("HTTP_PORT")) ?? "8080"
  yield* ask(reachable(host), port, argv[2] === "ready" ? "/health/ready" : "/health/live")
}).pipe(Effect.tapCause((cause) => Console.error(`not well: ${Cause.squash(cause)}`)))

NodeRuntime.runMain(health, { disableErrorReporting: true })

/** Gateways with limits, as clients meet them over sockets. Loopback has many addresses: each is a client of its own. */
import { assert, it } from "@effect/vitest"
import { connect } from "node:net"
import { Effect, Exit, Scope } from "effect"
import type { GatewaySettings } from "../../src/services/GatewayConfig.ts"
import { startGateway } from "./GatewayKit.ts"
import { metricOf } from "./metricOf.ts"
import { testSettings } from "./SettingsKit.ts"
import { openWire } from "./SmtpWire.ts"

export type Gateway = Effect.Success<ReturnType<typeof startGateway>>

export interface LimitOptions {
  readonly limits?: Partial<GatewaySettings["limits"]>
  readonly smtp?: Partial<GatewaySettings["smtp"]>
  readonly trustedNetworks?: ReadonlyArray<string>
}

/** A test with a gateway that trusts no network, unless it says so. */
export const withLimits = (
  name: string,
  { limits = {}, smtp = {}, trustedNetworks = [] }: LimitOptions,
  test: (gateway: Gateway) => Effect.Effect<void, unknown, Scope.Scope>
) =>
  it.live(name, () =>
    Effect.scoped(
      Effect.flatMap(
        startGateway({ settings: { limits: { ...testSettings.limits, ...limits }, smtp, trustedNetworks } }),
        test
      )
    )
  )

export const TOO_MANY = "421 4.7.0 Too many connections"
export const BLOCKED = "421 4.7.0 Too many failed logins, try again later"
export const SUSPENDED = "454 4.7.0 Too many failed logins for this user name, try again later"

/** What a new connection is greeted with. */
export const greetingAt = (port: number, localAddress = "127.0.0.1") =>
  Effect.scoped(
    Effect.gen(function* () {
      const wire = yield* openWire(port, { localAddress })
      const { code, raw } = yield* wire.reply
      if (code === 421) yield* wire.ended
      return raw
    })
  )

/** Opens a connection that is closed by hand. */
export const openUntilClosed = Effect.fnUntraced(function* (port: number, localAddress: string) {
  const scope = yield* Scope.make()
  const wire = yield* Scope.provide(openWire(port, { localAddress }), scope)
  assert.strictEqual((yield* wire.reply).code, 220)
  return { close: Scope.close(scope, Exit.void) }
})

/** Connections that are open. */
export const active = ({ httpUrl }: Gateway) => metricOf(httpUrl, "smtp_active_connections")

/** A client that never closes its own end: what it was told when the other end is closed. */
export const connectHalfOpen = (
  port: number
): Effect.Effect<{ readonly said: Effect.Effect<string> }, never, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      Effect.sync(() => connect({ port, host: "127.0.0.1", allowHalfOpen: true })),
      (socket) => Effect.sync(() => socket.destroy())
    ),
    (socket) => {
      let said = ""
      socket.on("data", (chunk: Buffer) => (said += chunk.toString("latin1")))
      socket.on("error", () => {})
      return {
        said: Effect.callback<string>((resume) => {
          const ended = () => resume(Effect.succeed(said.trimEnd()))
          if (socket.readableEnded) ended()
          else socket.once("end", ended)
        })
      }
    }
  )

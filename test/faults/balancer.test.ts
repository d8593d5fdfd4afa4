/** Two gateways behind a TCP balancer that speaks the PROXY protocol: one after the other goes, and mail does not notice. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, FileSystem } from "effect"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { spawn, spawnSync } from "node:child_process"
import { freePort } from "../kit/freePort.ts"
import { type GatewayProcess, startGatewayProcess } from "../kit/GatewayProcess.ts"
import { assertAllArrived, deliver } from "../kit/RetryingClient.ts"
import { eventually, startSandbox } from "../kit/SandboxKit.ts"
import { openWire } from "../kit/SmtpWire.ts"

const CLIENTS = 20
const MESSAGES = 60

const installed = spawnSync("haproxy", ["-v"], { stdio: "ignore" }).status === 0
const required = process.env["REQUIRE_ALL_CLIENTS"] === "true"
if (!installed && !required) console.warn("SKIPPED: gateways behind a balancer: there is no haproxy on this machine")

/** Health checks come with a header too, one that names no client. */
const configuration = (port: number, backends: ReadonlyArray<number>): string => `
defaults
  mode tcp
  timeout connect 2s
  timeout client 60s
  timeout server 60s
  retries 3
  option redispatch 1
listen smtp
  bind 127.0.0.1:${port}
  balance roundrobin
  default-server send-proxy-v2 check check-send-proxy inter 100ms fall 1 rise 1
${backends.map((backend, index) => `  server gateway${index} 127.0.0.1:${backend}`).join("\n")}
`

const startBalancer = Effect.fnUntraced(function* (backends: ReadonlyArray<number>) {
  const files = yield* FileSystem.FileSystem
  const port = yield* freePort
  const path = `${yield* files.makeTempDirectoryScoped()}/haproxy.cfg`
  yield* files.writeFileString(path, configuration(port, backends))
  yield* Effect.acquireRelease(
    Effect.sync(() => spawn("haproxy", ["-f", path, "-db", "-q"], { stdio: "ignore" })),
    (started) => Effect.sync(() => void started.kill("SIGKILL"))
  )
  // It answers once it listens, and greets once a gateway stands behind it.
  yield* eventually(
    Effect.scoped(Effect.flatMap(openWire(port), (wire) => wire.reply)).pipe(
      Effect.exit,
      Effect.map((exit) => exit._tag === "Success")
    )
  )
  return port
})

const SLOW_API = { endpoint: "emails", what: "latency", latency: 50 } as const

describe.runIf(installed || required)("two gateways behind a balancer", () => {
  it.live("are restarted one after the other, and one is killed: no mail is lost, and both have work", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { captured, inject, url } = yield* startSandbox({ maxMessages: 2 * CLIENTS * MESSAGES })
        yield* inject(SLOW_API)
        const ports = [yield* freePort, yield* freePort] as const
        const start = (port: number) =>
          startGatewayProcess({
            apiUrl: url,
            environment: { SMTP_PORT: `${port}`, PROXY_TRUSTED: "127.0.0.1", SHUTDOWN_TIMEOUT: "15" }
          })
        let one = yield* start(ports[0])
        let other = yield* start(ports[1])
        const balancer = yield* startBalancer(ports)

        let accepted = 0
        let doubts = 0
        const reached = (share: number) => eventually(Effect.sync(() => accepted >= share * CLIENTS * MESSAGES))
        const loading = yield* Effect.forEach(
          Array.from({ length: CLIENTS }, (_, client) => client),
          (client) =>
            deliver({
              messageIds: Array.from({ length: MESSAGES }, (_, message) => `b${client}-${message}`),
              portOf: () => balancer,
              localAddress: `127.0.0.${10 + client}`,
              perConnection: 3,
              onAttempt: (attempt) => {
                if (attempt === "accepted") accepted++
                if (attempt === "unknown") doubts++
              }
            }),
          { concurrency: "unbounded" }
        ).pipe(Effect.forkChild)

        const restart = Effect.fnUntraced(function* (gateway: GatewayProcess) {
          yield* gateway.signal("SIGTERM")
          assert.strictEqual(yield* gateway.ended, 0)
          const started = yield* start(gateway.smtpPort)
          // Clients find it, or it would be no proof that the other one may go.
          yield* eventually(Effect.map(clientAddresses(started), ({ size }) => size > 0))
          return started
        })
        yield* reached(0.1)
        // Each served its share of the first connections, and knows its clients by their own addresses.
        for (const gateway of [one, other]) {
          const addresses = yield* clientAddresses(gateway)
          assert.isAtLeast(addresses.size, CLIENTS / 4)
          for (const address of addresses) assert.match(address, /^127\.0\.0\.(?:[12]\d|1)$/)
        }
        one = yield* restart(one)
        yield* reached(0.25)
        other = yield* restart(other)
        yield* reached(0.4)
        // A restart leaves nobody in doubt.
        assert.strictEqual(doubts, 0)
        yield* one.signal("SIGKILL")
        const deliveries = (yield* Fiber.join(loading)).flat()

        assert.strictEqual(deliveries.length, CLIENTS * MESSAGES)
        const { doubled, unknown } = assertAllArrived(deliveries, yield* captured)
        // The kill may, each client once at most.
        assert.isAtMost(unknown, CLIENTS)
        console.log(
          `balancer: ${deliveries.length} messages arrived over two restarts and a kill; ${unknown} without an answer, of which ${doubled} arrived twice`
        )
      })
    ).pipe(Effect.provide(NodeFileSystem.layer))
  )
})

/** Of the connections that logged in; health checks of the balancer do not. */
const clientAddresses = (gateway: GatewayProcess): Effect.Effect<ReadonlySet<string>> =>
  Effect.map(
    gateway.log,
    (lines) => new Set(lines.flatMap((line) => /"event":"auth_success".*?"client_ip":"([^"]+)"/.exec(line)?.[1] ?? []))
  )

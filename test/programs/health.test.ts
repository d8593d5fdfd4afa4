/** The health check of the image, as the image runs it. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { runProgram } from "../kit/ClientProgram.ts"
import { startGateway } from "../kit/GatewayKit.ts"
import { deadPort, listening } from "../kit/ScriptedApi.ts"

const health = (environment: Readonly<Record<string, string>>, ...args: ReadonlyArray<string>) =>
  runProgram(process.execPath, ["src/programs/health.ts", ...args], { environment })

const portOf = (url: string): string => new URL(url).port

/** Answers with one status, or not at all; the paths that were asked for. */
const serverSaying = (status: number | undefined) =>
  Effect.gen(function* () {
    const asked: Array<string> = []
    const server = yield* listening(() =>
      createServer(({ url }, response) => {
        asked.push(url ?? "")
        if (status !== undefined) response.writeHead(status).end()
      })
    )
    return { asked, port: `${(server.address() as AddressInfo).port}` }
  })

describe("the health check", () => {
  it.live("is content with a gateway that runs, wherever that listens", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { httpUrl } = yield* startGateway()
        for (const host of [undefined, "*", "::", "0.0.0.0", "127.0.0.1"]) {
          const environment = { HTTP_PORT: portOf(httpUrl), ...(host !== undefined && { HTTP_HOST: host }) }
          for (const args of [[], ["live"], ["ready"]]) {
            const { code, stderr } = yield* health(environment, ...args)
            assert.strictEqual(code, 0, `${host} ${args}: ${stderr}`)
          }
        }
      })
    )
  )

  it.live("asks for what it is told, and says no when the answer is not 200", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { asked, port } = yield* serverSaying(503)
        for (const args of [[], ["ready"]]) {
          const { code, stderr } = yield* health({ HTTP_PORT: port }, ...args)
          assert.strictEqual(code, 1)
          assert.include(stderr, "answers 503")
        }
        assert.deepStrictEqual(asked, ["/health/live", "/health/ready"])
      })
    )
  )

  it.live("says no when nobody listens, and when the port is none", () =>
    Effect.gen(function* () {
      for (const port of [`${yield* deadPort}`, "http"]) {
        const { code, stderr } = yield* health({ HTTP_PORT: port })
        assert.strictEqual(code, 1, port)
        assert.match(stderr, /^not well: \S/)
      }
    })
  )

  it.live("says no when no answer comes", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { port } = yield* serverSaying(undefined)
        const { code, stderr } = yield* health({ HTTP_PORT: port })
        assert.strictEqual(code, 1)
        assert.include(stderr, "no answer in time")
      })
    )
  )
})

/** What is shared between processes, and what happens when it is not. */
import { assert } from "@effect/vitest"
import { Effect } from "effect"
import { openScene, sendMarked } from "../../kit/Scene.ts"
import { startRedis } from "../../kit/RedisKit.ts"
import { eventually, startSandbox } from "../../kit/SandboxKit.ts"
import { testSettings } from "../../kit/SettingsKit.ts"
import type { Incident } from "./Incident.ts"

/** Needs a redis-server on the machine. */
export const REDIS: ReadonlyArray<Incident> = [
  {
    name: "a Redis that two gateways share, and that goes away",
    happens: Effect.fnUntraced(function* (evidence) {
      const redis = yield* startRedis
      const api = yield* startSandbox()
      const options = {
        apiUrl: api.url,
        settings: { recentSubmissions: { ...testSettings.recentSubmissions, redisUrl: redis.url } }
      }
      const [one, two] = [yield* openScene(evidence, options), yield* openScene(evidence, options)]
      const login = Effect.fnUntraced(function* (scene: typeof one) {
        const wire = yield* scene.secure()
        yield* wire.login("demo@example.com", "demo")
        return wire
      })
      const wires = [yield* login(one), yield* login(two)]
      yield* api.inject({ endpoint: "emails", what: "latency", latency: 500 })
      const replies = yield* Effect.forEach(
        wires,
        (wire) => sendMarked(wire, { headers: ["Message-ID: <1@example.com>"] }),
        { concurrency: 2 }
      )
      for (const reply of replies) assert.match(reply, /^250 /)
      yield* Effect.forEach([one, two], ({ scrape }) => scrape)
      const told = (event: string) =>
        eventually(Effect.sync(() => evidence.lines.some((line) => line.includes(`"event":"${event}"`))))
      yield* redis.stop
      yield* told("redis_away")
      yield* one.scrape
      yield* redis.start
      yield* told("redis_back")
      yield* one.scrape
    })
  }
]

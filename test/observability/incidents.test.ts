/**
 * Everything that can happen to a gateway happens to one here, and what it tells of it is looked at as a whole: each
 * sample of each metric moves, each log event is one that docs/logs.md knows, and no secret is anywhere.
 */
import { assert, beforeAll, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { documentedEvents } from "../kit/logEvents.ts"
import { type MetricDeclaration, metricDeclarations } from "../kit/metricDeclarations.ts"
import { redisServerInstalled } from "../kit/RedisKit.ts"
import { type Evidence, MARKS, noEvidence, USER } from "../kit/Scene.ts"
import { CLIENTS } from "./incidents/clients.ts"
import type { Incident } from "./incidents/Incident.ts"
import { LOGINS } from "./incidents/logins.ts"
import { REDIS } from "./incidents/redis.ts"
import { SERVICE } from "./incidents/service.ts"
import { SUBMISSIONS } from "./incidents/submissions.ts"
import { WORKERS } from "./incidents/workers.ts"

const INCIDENTS: ReadonlyArray<Incident> = [
  ...CLIENTS,
  ...LOGINS,
  ...SUBMISSIONS,
  ...SERVICE,
  ...WORKERS,
  ...(redisServerInstalled ? REDIS : [])
]

const gathered: Array<Evidence> = []

describe.concurrent("an incident:", () => {
  for (const { happens, name } of INCIDENTS) {
    it.live(name, () =>
      Effect.suspend(() => {
        const evidence = noEvidence()
        gathered.push(evidence)
        return Effect.scoped(happens(evidence))
      })
    )
  }
})

describe("what was told", () => {
  let all: Evidence

  beforeAll(() => {
    all = {
      lines: gathered.flatMap(({ lines }) => lines),
      scrapes: gathered.flatMap(({ scrapes }) => scrapes),
      replies: gathered.flatMap(({ replies }) => replies),
      letters: gathered.flatMap(({ letters }) => letters),
      spans: gathered.flatMap(({ spans }) => spans)
    }
  })

  describe("by metrics", () => {
    /** The values that a sample was seen to have. */
    const seen = () => {
      const values = new Map<string, Set<string>>()
      for (const line of all.scrapes.flatMap((scrape) => scrape.split("\n"))) {
        const [, sample = "", value = ""] = /^([a-z]\S*) (\S+)$/.exec(line) ?? []
        if (sample !== "") values.set(sample, (values.get(sample) ?? new Set()).add(value))
      }
      return values
    }

    /** Whether any sample of the metric with these labels has changed, a counter or histogram from nothing. */
    const moves = (
      values: ReadonlyMap<string, ReadonlySet<string>>,
      { name, type }: MetricDeclaration,
      labels: string
    ) => {
      const counted = type === "histogram" ? `${name}_count` : name
      for (const [sample, had] of values) {
        if (sample !== counted && !(sample.startsWith(`${counted}{`) && sample.includes(labels))) continue
        if (type === "gauge" ? had.size > 1 : [...had].some((value) => Number(value) > 0)) return true
      }
      return false
    }

    it("every sample moves", () => {
      const values = seen()
      const still: Array<string> = []
      for (const metric of metricDeclarations) {
        const labels = Object.entries(metric.labels).flatMap(([label, those]) =>
          those.map((value) => `${label}="${value}"`)
        )
        for (const sample of labels.length === 0 ? [""] : labels) {
          const name = sample === "" ? metric.name : `${metric.name}{${sample}}`
          if (!moves(values, metric, sample)) still.push(name)
        }
      }
      const excused = Object.keys(STANDS_STILL).filter((name) => redisServerInstalled || !NEEDS_REDIS.has(name))
      assert.deepStrictEqual(
        still.filter((name) => redisServerInstalled || !NEEDS_REDIS.has(name)).toSorted(),
        excused.toSorted()
      )
    })
  })

  describe("by the log", () => {
    const events = () =>
      all.lines.map((line): Readonly<Record<string, unknown>> & { readonly event: string } => JSON.parse(line))

    it("every event is documented, with its level and its fields", () => {
      const wrong = new Set<string>()
      for (const { event, level, ...fields } of events()) {
        const documented = documentedEvents.get(event)
        if (!documented?.levels.has(String(level))) wrong.add(`${event} at ${String(level)}`)
        for (const field of Object.keys(fields)) {
          if (!documented?.fields.has(field)) wrong.add(`${event}: ${field}`)
        }
      }
      assert.deepStrictEqual([...wrong], [])
    })

    it("every event happened", () => {
      const happened = new Set(events().map(({ event }) => event))
      const missing = [...documentedEvents.keys()].filter((name) => !happened.has(name))
      const excused = Object.keys(NEVER_HAPPENS)
      assert.deepStrictEqual(
        missing.filter((name) => redisServerInstalled || !name.startsWith("redis_")).toSorted(),
        excused.filter((name) => redisServerInstalled || !name.startsWith("redis_")).toSorted()
      )
    })

    it("every documented field was seen", () => {
      const fields = new Map<string, Set<string>>()
      for (const { event, ...rest } of events()) {
        fields.set(event, new Set([...(fields.get(event) ?? []), ...Object.keys(rest)]))
      }
      const unseen: Array<string> = []
      for (const [event, documented] of documentedEvents) {
        if (event in NEVER_HAPPENS || (event.startsWith("redis_") && !redisServerInstalled)) continue
        for (const field of documented.own) if (!fields.get(event)?.has(field)) unseen.push(`${event}: ${field}`)
      }
      // The sandbox numbers its accounts in a way of its own.
      assert.deepStrictEqual(unseen, ["dead_letter: account_id"])
    })

    it("everything of a session and of a message carries its ids", () => {
      for (const line of events()) {
        if (!OF_A_MESSAGE.has(line.event)) continue
        for (const id of [
          "correlation_id",
          "session_id",
          "client_ip",
          "authenticated_user",
          "reference",
          "trace_id",
          "span_id"
        ]) {
          assert.property(line, id, JSON.stringify(line))
        }
      }
    })

    it("each message that arrived has one summary", () => {
      const references = events()
        .filter(({ event }) => event === "email_received")
        .map((line) => line["reference"])
      assert.strictEqual(new Set(references).size, references.length)
      assert.isAbove(references.length, 50)
    })
  })

  describe("and by nobody", () => {
    const FORMS = Object.entries(MARKS).flatMap(([name, mark]) => [
      { name, form: mark },
      { name: `${name} in base64`, form: Buffer.from(mark).toString("base64").slice(0, -4) }
    ])
    const AUTH_PLAIN = [MARKS.password, MARKS.wrongPassword].map((password) => ({
      name: "AUTH PLAIN",
      form: Buffer.from(`\0${USER}\0${password}`).toString("base64").slice(0, -4)
    }))

    const assertFree = (texts: ReadonlyArray<string>, except: ReadonlyArray<string> = []) => {
      assert.isAbove(texts.length, 0)
      for (const text of texts) {
        for (const { form, name } of [...FORMS, ...AUTH_PLAIN]) {
          if (!except.includes(name)) assert.notInclude(text, form, name)
        }
        // What the sandbox gives as tokens: 24 random octets.
        assert.notMatch(text, /(?<![0-9a-f])[0-9a-f]{48}(?![0-9a-f])/)
        assert.notMatch(text, /ck_pat_/)
      }
    }

    it("a secret or content: not in the log", () => assertFree(all.lines))
    it("not in metrics", () => assertFree(all.scrapes))
    it("not in replies, where an author reads how the file is called that was refused", () =>
      assertFree(all.replies, ["fileName"]))
    it("not in dead letters", () => assertFree(all.letters))
    it("not in spans, nor is any address, but for the Message-ID", () => {
      assertFree(all.spans)
      for (const span of all.spans) {
        assert.notMatch(span.replace(/"messaging\.message\.id":"[^"]*"/, ""), /[\w.]@\w/)
      }
    })
  })
})

/** These say what became of one message. */
const OF_A_MESSAGE: ReadonlySet<string> = new Set([
  "email_received",
  "email_rejected",
  "recipient_failed",
  "dead_letter",
  "duplicate_submission",
  "possible_duplicate",
  "message_repaired",
  "attachments_dropped",
  "control_headers_ignored",
  "sender_created"
])

/** What no incident moves, and why. */
const STANDS_STILL: Readonly<Record<string, string>> = {
  smtp_log_dropped_total: "slowStdout.test.ts drops lines, in a process of its own",
  'smtp_api_latency_seconds{endpoint="ping"}': "of the command check, which has no /metrics",
  'smtp_errors_total{error_type="MessageMalformed"}': "no message is known that the parser throws over"
}

const NEEDS_REDIS: ReadonlySet<string> = new Set(["smtp_redis_connected", 'smtp_duplicates_total{first="elsewhere"}'])

/** What no incident brings about, and why. */
const NEVER_HAPPENS: Readonly<Record<string, string>> = {
  log_lines_dropped: "slowStdout.test.ts drops lines, in a process of its own",
  unloggable_event: "nothing that is logged throws when it is looked at; loggers.test.ts has one that does",
  certificate_unfinished: "needs a chain of another authority; certificate tests have one",
  dead_letter_directory_usable: "looked at once a minute; DeadLettersLive.test.ts lets the minute pass",
  tracing_unavailable: "needs a package that cannot be loaded",
  span_export_ended: "needs a defect in a fiber that only sends",
  session_defect: "needs a defect outside of every command",
  auth_cache_prune_ended: "needs a defect in a fiber that only counts",
  certificate_updates_ended: "as above",
  certificate_watch_ended: "as above",
  dead_letter_sweep_ended: "as above",
  deadlines_ended: "as above",
  heap_checks_ended: "as above",
  heap_shrunk: "needs five idle seconds; IdleHeapLive.test.ts lets them pass",
  redis_connection_ended: "as above",
  worker_pulse_ended: "as above",
  worker_not_understood: "needs a defect in what a worker says; supervisor.test.ts has one",
  worker_hangs: "needs half a minute; supervisor.test.ts lets it pass",
  workers_given_up: "as above",
  ticket_keys_not_rotated: "as above"
}

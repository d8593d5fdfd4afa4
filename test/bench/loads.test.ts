/** The load generator against a whole gateway and the sandbox, which looks at what it is given more closely than the bench's API. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { LoadPlan, type LoadPlanInput } from "../../bench/load/LoadPlan.ts"
import { runLoad } from "../../bench/load/runLoad.ts"
import { scenarios } from "../../bench/scenarios.ts"
import { startGateway } from "../kit/GatewayKit.ts"

const load = (plan: LoadPlanInput) =>
  Effect.gen(function* () {
    const phases: Array<string> = []
    const report = yield* runLoad(yield* Schema.decodeEffect(LoadPlan)(plan), (kind) => phases.push(kind))
    assert.deepStrictEqual(phases, ["measuring", "measured"])
    return report
  })

describe("every scenario", () => {
  it.live("sends mails that the gateway and the API accept", () =>
    Effect.gen(function* () {
      const { sandbox, smtpPort } = yield* startGateway()
      for (const scenario of scenarios) {
        yield* sandbox.sandbox.calls.reset
        const { connections = 0, idle = 0, pace, recipients = 1 } = scenario.load
        const few = { connections: Math.min(connections, 3), idle: Math.min(idle, 2) }
        const report = yield* load({
          ...scenario.load,
          ...few,
          ...(pace !== undefined && pace.kind !== "closed" && { pace: { kind: "steady", rate: 50 } }),
          port: smtpPort,
          seconds: connections === 0 ? 0.01 : 30,
          maxMessages: 4
        })
        const mails = connections === 0 ? 0 : 4
        assert.deepStrictEqual(report.allReplies, mails === 0 ? {} : { "250 2.0.0": mails }, scenario.name)
        assert.strictEqual(report.unanswered, 0, scenario.name)
        assert.strictEqual(report.connectionsLost, 0, scenario.name)
        assert.strictEqual(yield* sandbox.callsOf("emails"), mails * recipients, scenario.name)
      }
    })
  )
})

describe("the load generator", () => {
  it.live("counts what is refused, before the data and after it, and goes on with the next mail", () =>
    Effect.gen(function* () {
      const { sandbox, smtpPort } = yield* startGateway({ settings: { smtp: { maxRecipients: 2 } } })
      const plan = { port: smtpPort, connections: 1, maxMessages: 3 }
      yield* sandbox.inject({ endpoint: "emails", what: "rate-limit", next: 2 })
      assert.deepStrictEqual((yield* load(plan)).replies, { "451 4.7.1": 2, "250 2.0.0": 1 })
      for (const pipelining of [false, true]) {
        const { allReplies } = yield* load({ ...plan, pipelining, recipients: 3 })
        assert.deepStrictEqual(allReplies, { "452 4.5.3": 3 })
      }
    })
  )

  it.live("goes on after a mail that never came to its data", () =>
    Effect.gen(function* () {
      const { smtpPort } = yield* startGateway({ settings: { limits: { ratePerAccount: 2 } } })
      for (const pipelining of [false, true]) {
        const { allReplies, reply } = yield* load({ port: smtpPort, connections: 1, maxMessages: 3, pipelining })
        assert.deepStrictEqual(allReplies, pipelining ? { "451 4.7.1": 3 } : { "250 2.0.0": 2, "451 4.7.1": 1 })
        assert.strictEqual(reply.count, pipelining ? 0 : 2)
      }
    })
  )

  for (const tls of ["starttls", "implicit"] as const) {
    it.live(`opens a connection for each mail by ${tls}, logs in by LOGIN, and resumes the TLS session`, () =>
      Effect.gen(function* () {
        const { sandbox, smtpPorts } = yield* startGateway({
          settings: {
            smtp: {
              ports: [
                { port: 0, implicitTls: false },
                { port: 0, implicitTls: true }
              ]
            }
          }
        })
        const port = smtpPorts.find(({ implicitTls }) => implicitTls === (tls === "implicit"))?.port ?? 0
        const report = yield* load({
          port,
          tls,
          auth: "LOGIN",
          resume: true,
          connections: 1,
          messagesPerConnection: 1,
          maxMessages: 9
        })
        assert.deepStrictEqual(report.allReplies, { "250 2.0.0": 9 })
        assert.isAtLeast(report.logins, 9)
        // The first has nothing to resume.
        assert.strictEqual(report.resumed, report.logins - 1)
        assert.strictEqual(yield* sandbox.callsOf("emails"), 9)
      })
    )
  }

  it.live("says why it cannot measure", () =>
    Effect.gen(function* () {
      const { smtpPort } = yield* startGateway()
      const wrong = yield* Effect.flip(load({ port: smtpPort, password: "wrong" }))
      assert.match(wrong.message, /535 5\.7\.8/)
    })
  )
})

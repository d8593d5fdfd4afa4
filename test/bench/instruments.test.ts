/** The instruments of the bench by themselves: what they count and compute. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Result, Schema } from "effect"
import { readFileSync } from "node:fs"
import { arrivals } from "../../bench/load/arrivals.ts"
import { Histogram } from "../../bench/load/Histogram.ts"
import { decodeLoadPlan, LoadPlan } from "../../bench/load/LoadPlan.ts"
import { makeMessage, stamp } from "../../bench/load/message.ts"
import { Tally } from "../../bench/load/Tally.ts"
import { median, spreads } from "../../bench/runner/figures.ts"
import { profileTable, selfTimes } from "../../bench/runner/profile.ts"
import { goalsOf, type ScenarioResult } from "../../bench/runner/report.ts"
import { figuresOf } from "../../bench/runner/runFigures.ts"
import { withSection } from "../../bench/runner/readme.ts"
import { lengthOf } from "../../bench/runner/runScenario.ts"
import { scenarioNames, scenarios } from "../../bench/scenarios.ts"

describe("Histogram", () => {
  it("knows percentiles to 1.6 %, and the largest value exactly", () => {
    const histogram = new Histogram()
    for (let value = 1; value <= 100_000; value++) histogram.add(value / 10)
    const { count, max, mean, p50, p95, p999 } = histogram.latency
    assert.strictEqual(count, 100_000)
    assert.strictEqual(max, 10_000)
    assert.approximately(mean, 5_000, 0.1)
    assert.approximately(p50, 5_000, 80)
    assert.approximately(p95, 9_500, 152)
    assert.approximately(p999, 9_990, 160)
  })

  it("is exact below an eighth of a millisecond", () => {
    const histogram = new Histogram()
    for (const value of [0.001, 0.05, 0.127]) histogram.add(value)
    assert.strictEqual(histogram.latency.p50, 0.05)
  })

  it("of nothing is nothing", () => {
    assert.deepStrictEqual(new Histogram().latency.p99, 0)
  })
})

describe("arrivals", () => {
  it("come at the rate that is asked for, in order, the same in each run", () => {
    const schedule = { pace: { kind: "steady", rate: 200 }, warmup: 5, seconds: 45 } as const
    const times = [...arrivals(schedule)]
    assert.approximately(times.length, 10_000, 300)
    assert.deepStrictEqual(
      times,
      times.toSorted((a, b) => a - b)
    )
    assert.isBelow(times.at(-1) ?? Number.POSITIVE_INFINITY, 50_000)
    assert.deepStrictEqual([...arrivals(schedule)], times)
  })

  it("are not even: a queue can build up", () => {
    const times = [...arrivals({ pace: { kind: "steady", rate: 100 }, warmup: 0, seconds: 100 })]
    const gaps = times.slice(1).map((time, index) => time - (times[index] ?? 0))
    // Of a Poisson process: 63 % are shorter than the mean, 5 % longer than three times it.
    assert.approximately(gaps.filter((gap) => gap < 10).length / gaps.length, 0.632, 0.02)
    assert.approximately(gaps.filter((gap) => gap > 30).length / gaps.length, 0.05, 0.01)
  })

  it("climb evenly through the measured time, after a warm-up at the first rate", () => {
    const times = [...arrivals({ pace: { kind: "ramp", from: 100, to: 500 }, warmup: 10, seconds: 40 })]
    const within = (from: number, to: number) => times.filter((time) => time >= from * 1000 && time < to * 1000).length
    assert.approximately(within(0, 10), 1_000, 100)
    assert.approximately(within(10, 50), 12_000, 350)
    assert.approximately(within(10, 20), 1_500, 120)
    assert.approximately(within(40, 50), 4_500, 210)
  })
})

describe("Tally", () => {
  const outcome = { code: "250 2.0.0", due: 100, answeredAt: 130, took: 10 }

  it("of an open load counts mails by when they were due, with all that they waited", () => {
    const tally = new Tally("due")
    tally.measureFrom(90)
    tally.measureTo(120)
    tally.add(outcome)
    tally.add({ ...outcome, due: 80 })
    assert.deepStrictEqual(tally.replies, { "250 2.0.0": 1 })
    assert.deepStrictEqual(tally.allReplies, { "250 2.0.0": 2 })
    assert.strictEqual(tally.latencies.whole.max, 30)
    assert.strictEqual(tally.latencies.reply.max, 10)
  })

  it("of a closed load counts them by their reply", () => {
    const tally = new Tally("answeredAt")
    tally.measureFrom(90)
    tally.measureTo(130)
    tally.add(outcome)
    tally.add({ ...outcome, answeredAt: 129 })
    assert.deepStrictEqual(tally.replies, { "250 2.0.0": 1 })
  })

  it("has no latency of a mail that never had its data asked for", () => {
    const tally = new Tally("due")
    tally.measureFrom(0)
    tally.add({ ...outcome, code: "452 4.3.1", took: undefined })
    assert.deepStrictEqual(tally.replies, { "452 4.3.1": 1 })
    assert.strictEqual(tally.latencies.reply.count, 0)
  })
})

describe("makeMessage", () => {
  const shape = { text: 700, html: 500, attachment: 0, attachments: 1, dotted: false }

  it("has 2 KB by default, and ends with a dot on a line of its own", () => {
    const plan = Result.getOrThrow(Schema.decodeResult(LoadPlan)({ port: 1 }))
    const { octets } = makeMessage(plan.message, "a@example.com", "b@example.com")
    assert.approximately(octets.length, 2_048, 100)
    assert.isTrue(octets.toString("latin1").endsWith("\r\n.\r\n"))
  })

  it("has another Message-ID for each number, of the same length", () => {
    const { octets, stampAt } = makeMessage(shape, "a@example.com", "b@example.com")
    const { length } = octets
    stamp(octets, stampAt, 0xabc)
    assert.match(octets.toString("latin1"), /\r\nMessage-ID: <000000000abc\.[0-9a-f]{12}@bench\.example\.com>\r\n/)
    assert.strictEqual(octets.length, length)
  })

  it("doubles every dot that begins a line, and has no lone one before its end", () => {
    const { octets } = makeMessage({ ...shape, html: 0, dotted: true }, "a@example.com", "b@example.com")
    const [, body = ""] = octets.toString("latin1").split("\r\n\r\n")
    const lines = body.split("\r\n").slice(0, -2)
    assert.isAbove(lines.length, 20)
    assert.isTrue(lines.every((line) => line.startsWith("..") && !line.startsWith("...")))
  })

  it("carries an attachment of the size that is asked for", () => {
    const { octets } = makeMessage({ ...shape, attachment: 100_000 }, "a@example.com", "b@example.com")
    const base64 = /filename="invoice\.pdf"\r\n\r\n([A-Za-z0-9+/=\r\n]+)--/.exec(octets.toString("latin1"))?.[1] ?? ""
    assert.strictEqual(Buffer.from(base64, "base64").length, 100_000)
    assert.isTrue(base64.split("\r\n").every((line) => line.length <= 76))
  })

  it("carries as many attachments as are asked for, each under a name of its own", () => {
    const { octets } = makeMessage({ ...shape, attachment: 300, attachments: 3 }, "a@example.com", "b@example.com")
    const parts = octets.toString("latin1").matchAll(/filename="([^"]+)"\r\n\r\n([A-Za-z0-9+/=\r\n]+)--/g)
    const found = Array.from(parts, ([, name, base64 = ""]) => [name, Buffer.from(base64, "base64").length])
    assert.deepStrictEqual(found, [
      ["invoice.pdf", 300],
      ["invoice-2.pdf", 300],
      ["invoice-3.pdf", 300]
    ])
  })
})

describe("LoadPlan", () => {
  it("talks to this machine alone", () => {
    const isRefused = (host: string) => Result.isFailure(Schema.decodeResult(LoadPlan)({ port: 25, host }))
    assert.isFalse(isRefused("127.0.0.2"))
    assert.isFalse(isRefused("::1"))
    assert.isTrue(isRefused("192.0.2.1"))
    assert.isTrue(isRefused("mail.example.com"))
  })

  it.effect("has no field that is misspelt, and something to do", () =>
    Effect.gen(function* () {
      const refusal = (plan: object) => Effect.map(Effect.flip(decodeLoadPlan(JSON.stringify(plan))), String)
      assert.include(yield* refusal({ port: 25, conections: 3 }), "conections")
      assert.include(yield* refusal({ port: 25, message: { attachement: 3 } }), "attachement")
      assert.include(yield* refusal({ port: 25, host: "192.0.2.1" }), "expected a loopback address")
      assert.include(yield* refusal({ port: 25, connections: 0 }), "connections and idle are both 0")
      assert.include(yield* refusal({ port: 25, seconds: 0 }), "seconds")
      assert.strictEqual((yield* decodeLoadPlan('{"port": 25, "connections": 0, "idle": 1}')).idle, 1)
    })
  )

  it("is what every scenario has, each under a name of its own", () => {
    for (const { load, name } of scenarios) {
      assert.isTrue(Result.isSuccess(Schema.decodeResult(LoadPlan)({ ...load, port: 25 })), name)
    }
    assert.strictEqual(new Set(scenarios.map(({ name }) => name)).size, scenarios.length)
  })

  describe("for how long", () => {
    const unasked = { seconds: undefined, warmup: undefined, repeats: undefined }
    const named = (name: string) => {
      const scenario = scenarios.find((each) => each.name === name)
      assert.isDefined(scenario)
      return scenario
    }

    it("is about five minutes for the main scenarios, with the start and the end of each process", () => {
      const startAndEnd = 2
      const taken = scenarios
        .filter(({ suite }) => suite === "main")
        .map((scenario) => {
          const { repeats, seconds, warmup } = lengthOf(scenario, { ...unasked, names: [] })
          return scenario.subjects.length * repeats * (warmup + seconds + startAndEnd)
        })
      const starts = 15
      assert.isAtMost(
        taken.reduce((sum, seconds) => sum + seconds, starts),
        310
      )
    })

    it("is longer for what is asked for by name, and as the command line says", () => {
      const steady = named("steady")
      assert.deepStrictEqual(lengthOf(steady, { ...unasked, names: ["full"] }), { seconds: 4, warmup: 40, repeats: 2 })
      assert.deepStrictEqual(lengthOf(steady, { ...unasked, names: [] }), { seconds: 3, warmup: 15, repeats: 1 })
      assert.deepStrictEqual(lengthOf(named("idle"), { ...unasked, names: [] }).repeats, 1)
      const asked = { seconds: 9, warmup: 0, repeats: 7 }
      assert.deepStrictEqual(lengthOf(steady, { ...asked, names: [] }), asked)
    })
  })
})

describe("figures", () => {
  it("are medians with their spread; what a run lacks is left out", () => {
    assert.strictEqual(median([3, 1, 2]), 2)
    assert.strictEqual(median([4, 1, 2, 3]), 2.5)
    assert.deepStrictEqual(spreads([{ cpu: 3, rss: 1 }, { cpu: 1 }, { cpu: 2 }]), {
      cpu: { median: 2, min: 1, max: 3 },
      rss: { median: 1, min: 1, max: 1 }
    })
  })

  it("are held against goals, as they are or as a ratio to the baseline", () => {
    const one = (value: number) => ({ median: value, min: value, max: value })
    const goal = { subject: "gateway" }
    const result: ScenarioResult = {
      name: "persistent",
      what: "",
      runs: [],
      goals: [
        { ...goal, figure: "throughput", bound: { atLeast: 2_500 } },
        { ...goal, figure: "throughput", comparedWith: "baseline", bound: { atLeast: 1.4 } },
        { ...goal, figure: "cpu", comparedWith: "baseline", bound: { atLeast: 2.5 } },
        { ...goal, figure: "failed", bound: { atMost: 0 } },
        { ...goal, figure: "heapGrowth", bound: { atMost: 0 } }
      ],
      subjects: [
        { subject: "gateway", figures: { throughput: one(2_400), cpu: one(0.4), failed: one(0) } },
        { subject: "baseline", figures: { throughput: one(1_600), cpu: one(0.8) } }
      ]
    }
    assert.deepStrictEqual(
      goalsOf(result).map(({ measured, reached }) => [measured, reached]),
      [
        ["2400", false],
        ["1.50", true],
        ["2.00", false],
        ["0", true]
      ]
    )
  })
})

describe("a run", () => {
  const latency = { count: 1, mean: 1, p50: 1, p90: 1, p95: 5, p99: 9, p999: 9, max: 9 }
  const process = { cpu: 1_000, rss: 100 * 1024 ** 2, descriptors: 20 }
  const mark = { server: process, api: process, generator: process, emails: 10, core: 5_000 }
  const point = { rss: process.rss, descriptors: 20, heap: 50 * 1024 ** 2 }
  const observations = {
    before: mark,
    after: {
      server: { ...process, cpu: 3_000 },
      api: { ...process, cpu: 1_500 },
      generator: { ...process, cpu: 2_000 },
      emails: 8_010,
      core: 8_000
    },
    series: [0, 1, 2, 3, 4, 5, 6, 7].map((at) => ({ ...point, at, rss: point.rss + at * 1024 ** 2 })),
    report: {
      seconds: 10,
      replies: { "250 2.0.0": 3_990, "452 4.3.1": 8, lost: 2 },
      allReplies: {},
      unanswered: 1,
      octets: 2_000,
      reply: latency,
      whole: latency,
      late: latency,
      connect: latency,
      login: latency,
      connections: 50,
      connectionsLost: 0,
      logins: 50,
      resumed: 0
    },
    isOpen: true,
    apiTime: 0.5
  }

  it("has its figures from what its processes told", () => {
    const {
      addedP99,
      busy,
      calls,
      cpu,
      descriptorGrowth,
      failed,
      heapGrowth,
      loadBusy,
      othersBusy,
      rss,
      rssGrowth,
      throughput
    } = figuresOf(observations)
    assert.deepStrictEqual(
      { throughput, cpu, calls, failed, busy, loadBusy, othersBusy },
      { throughput: 400, cpu: 0.5, calls: 800, failed: 11, busy: 20, loadBusy: 15, othersBusy: 10 }
    )
    assert.deepStrictEqual(
      { rss, rssGrowth, heapGrowth, descriptorGrowth },
      { rss: 107, rssGrowth: 6, heapGrowth: 0, descriptorGrowth: 0 }
    )
    assert.strictEqual(addedP99, 8.5)
  })

  it("without mails has what connections cost alone", () => {
    const { busy, cpu, throughput } = figuresOf({ ...observations, report: { ...observations.report, replies: {} } })
    assert.deepStrictEqual({ busy, cpu, throughput }, { busy: 20, cpu: undefined, throughput: undefined })
  })
})

describe("a CPU profile", () => {
  const frame = (functionName: string, url: string) => ({ functionName, url, lineNumber: 9 })
  const profile = {
    startTime: 1_000_000,
    nodes: [
      { id: 1, callFrame: frame("(idle)", "") },
      { id: 2, callFrame: frame("parse", "file:///app/src/layers/mime/lines.ts") },
      { id: 3, callFrame: frame("parse", "file:///app/src/layers/mime/lines.ts") },
      { id: 4, callFrame: frame("gen", "file:///app/node_modules/@scope/name/dist/x.js") },
      { id: 5, callFrame: frame("(garbage collector)", "") },
      { id: 6, callFrame: frame("onread", "node:internal/stream_base_commons") }
    ],
    // At 1001, 1002 ... 1007 ms.
    samples: [2, 1, 2, 3, 4, 5, 6],
    timeDeltas: [1_000, 1_000, 1_000, 1_000, 1_000, 1_000, 1_000]
  }

  it("is read for the measured time alone, function by function, without idle time", () => {
    assert.deepStrictEqual(selfTimes(profile, { from: 1_002, to: 1_007 }, "/app/"), [
      { module: "src/layers/mime", name: "parse lines.ts:10", self: 2 },
      { module: "@scope/name", name: "gen x.js:10", self: 1 },
      { module: "garbage collector", name: "(garbage collector)", self: 1 }
    ])
  })

  it("is shown as time a mail", () => {
    const shown = profileTable(selfTimes(profile, { from: 0, to: 9_999 }, "/app/"), 10)
    assert.include(shown, "| **src/layers/mime** | 50.0 | 300.0 |\n| - parse lines.ts:10 | 50.0 | 300.0 |")
    assert.include(shown, "| **node:internal/stream_base_commons** | 16.7 | 100.0 |")
  })
})

describe("bench/README.md", () => {
  it("has the places where the bench puts its tables, and keeps the rest", () => {
    const page = readFileSync("bench/README.md", "utf8")
    for (const section of ["figures", "profile"] as const) {
      const changed = withSection(page, section, "| a table |")
      assert.include(changed, `<!-- ${section} -->\n\n| a table |\n\n<!-- end of ${section} -->`)
      const untouched = (text: string) => text.replace(new RegExp(`(<!-- ${section} -->).*(<!-- end of)`, "s"), "$1$2")
      assert.strictEqual(untouched(changed), untouched(page))
    }
  })

  it("names every scenario", () => {
    const page = readFileSync("bench/README.md", "utf8")
    for (const name of scenarioNames) assert.include(page, `\`${name}\``)
  })
})

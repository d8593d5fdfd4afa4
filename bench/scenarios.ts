/** The loads that the gateway is put under, and what it is to reach. */
import type { LoadPlanInput } from "./load/LoadPlan.ts"
import type { FigureName } from "./runner/figures.ts"
import type { SubjectName } from "./runner/subjects.ts"

export interface Scenario {
  readonly name: string
  /** One line for the table. */
  readonly what: string
  /** `main` runs by default, `full` with `full`, `named` when it is asked for by its name. */
  readonly suite: "main" | "full" | "named"
  readonly load: Omit<LoadPlanInput, "port" | "seconds" | "warmup">
  /** Each repeat runs all of them. */
  readonly subjects: ReadonlyArray<SubjectName>
  /** Settings of the gateway. */
  readonly settings: Readonly<Record<string, string>>
  /** Of the API, milliseconds. */
  readonly latency: number
  readonly apiTls: boolean
  /** In place of what the runner would take. */
  readonly length?: Partial<RunLength>
  /** Then, of those of `npm run bench`, which is to take five minutes. */
  readonly brief?: Partial<RunLength>
  readonly goals: ReadonlyArray<Goal>
}

export interface RunLength {
  /** Under load and measured. */
  readonly seconds: number
  /** Seconds under load before those. */
  readonly warmup: number
  /** Runs of each server. */
  readonly repeats: number
}

export interface Goal {
  readonly figure: FigureName
  /** Whose figure. */
  readonly subject: string
  /** Then the goal is how many times better the figure is than that of this one, and not the figure itself. */
  readonly comparedWith?: string
  readonly bound: { readonly atLeast: number } | { readonly atMost: number }
}

const atLeast = (figure: FigureName, value: number): Goal => ({
  figure,
  subject: "gateway",
  bound: { atLeast: value }
})
const atMost = (figure: FigureName, value: number): Goal => ({ figure, subject: "gateway", bound: { atMost: value } })
const timesBaseline = (figure: FigureName, value: number): Goal => ({
  ...atLeast(figure, value),
  comparedWith: "baseline"
})

/** Nothing that was sent may be refused. */
const everyMailAccepted = atMost("failed", 0)

const scenario = (
  name: string,
  what: string,
  suite: Scenario["suite"],
  load: Scenario["load"],
  more: Partial<Scenario> = {}
): Scenario => ({
  name,
  what,
  suite,
  load,
  subjects: ["gateway", "baseline"],
  settings: {},
  latency: 0,
  apiTls: false,
  ...more,
  goals: [...(more.goals ?? []), everyMailAccepted]
})

/** A thousand and some. */
const manyConnections = { MAX_CONNECTIONS_PER_POD: "1200" }

const persistent: Scenario["load"] = { connections: 50 }

export const scenarios: ReadonlyArray<Scenario> = [
  scenario("persistent", "50 TLS connections, 2 KB, one mail after another", "main", persistent, {
    goals: [atLeast("throughput", 2_500), atMost("cpu", 0.4), timesBaseline("throughput", 1.4)]
  }),
  scenario(
    "fresh",
    "a new TLS connection and login for each mail of 2 KB, 150 at a time",
    "main",
    { connections: 150, messagesPerConnection: 1 },
    // Fewer mails a second than over open connections, and more code that has to be warm.
    {
      length: { warmup: 60 },
      brief: { warmup: 16, repeats: 1 },
      goals: [atLeast("throughput", 450), timesBaseline("throughput", 1.05)]
    }
  ),
  scenario(
    "attachment-256k",
    "50 connections, an attachment of 256 KB",
    "main",
    { connections: 50, message: { attachment: 262_144 } },
    { brief: { warmup: 8, repeats: 1 }, goals: [atLeast("throughput", 200), timesBaseline("throughput", 2.2)] }
  ),
  scenario(
    "recipients-10",
    "50 connections, 2 KB, 10 recipients",
    "main",
    { connections: 50, recipients: 10 },
    { length: { warmup: 30 }, brief: { warmup: 16, repeats: 1 }, goals: [atLeast("calls", 3_000)] }
  ),
  scenario(
    "steady",
    "278 mails/s arriving on 50 connections: a million an hour",
    "main",
    { connections: 50, pace: { kind: "steady", rate: 278 } },
    // At this rate the warm-up of the others is four thousand mails.
    {
      subjects: ["gateway", "floor", "baseline"],
      length: { warmup: 40, repeats: 2 },
      brief: { warmup: 15, repeats: 1 },
      goals: [atMost("addedP95", 3), atMost("addedP99", 10), atMost("busy", 20)]
    }
  ),
  scenario(
    "idle",
    "1,000 idle TLS connections, logged in",
    "main",
    { connections: 0, idle: 1_000 },
    {
      subjects: ["built", "gateway", "baseline"],
      settings: manyConnections,
      length: { warmup: 8, repeats: 1 },
      goals: [atMost("rss", 190), { ...atMost("rss", 190), subject: "built" }]
    }
  ),
  scenario("pipelined", "persistent, MAIL, RCPT and DATA in one piece", "full", { ...persistent, pipelining: true }),
  scenario(
    "resumed",
    "fresh, with TLS sessions resumed",
    "full",
    { connections: 150, messagesPerConnection: 1, resume: true },
    { length: { warmup: 60 } }
  ),
  scenario("dotted", "50 connections, 64 KB of lines that begin with a dot", "full", {
    connections: 50,
    message: { text: 65_536, html: 0, dotted: true }
  }),
  scenario("attachment-5m", "10 connections, an attachment of 5 MB", "full", {
    connections: 10,
    message: { attachment: 5_000_000 }
  }),
  scenario("recipients-100", "20 connections, 2 KB, 100 recipients", "full", { connections: 20, recipients: 100 }),
  scenario(
    "crowd",
    "100 busy connections among 1,000 idle ones",
    "full",
    { connections: 100, idle: 1_000 },
    { settings: manyConnections }
  ),
  scenario("peak", "1,000 mails/s arriving on 100 connections", "full", {
    connections: 100,
    pace: { kind: "steady", rate: 1_000 }
  }),
  scenario(
    "spike",
    "from 1 to 500 mails/s within a minute",
    "full",
    { connections: 50, pace: { kind: "ramp", from: 1, to: 500 } },
    { length: { seconds: 60, repeats: 1 } }
  ),
  scenario("latency-0", "200 connections, the API answers at once", "full", { connections: 200 }),
  scenario("latency-50", "200 connections, the API takes 50 ms", "full", { connections: 200 }, { latency: 50 }),
  scenario("latency-200", "200 connections, the API takes 200 ms", "full", { connections: 200 }, { latency: 200 }),
  scenario("api-tls", "persistent, with TLS to the API", "full", persistent, { apiTls: true }),
  scenario("floor", "persistent, beside a server that does not look into the mails", "full", persistent, {
    subjects: ["gateway", "floor", "baseline"]
  }),
  scenario("observability", "persistent, with logs and metrics and without", "full", persistent, {
    subjects: ["gateway", "unobserved", "baseline"]
  }),
  scenario("traces", "persistent, with spans of every mail, of a tenth of them, and without", "full", persistent, {
    subjects: ["gateway", "traced-tenth", "traced", "baseline"],
    // What only one mail in ten passes takes so much longer to be warm.
    length: { warmup: 60 },
    goals: [{ figure: "cpu", subject: "traced-tenth", comparedWith: "gateway", bound: { atLeast: 0.9 } }]
  }),
  scenario(
    "soak",
    "500 mails/s arriving, for as long as --seconds says",
    "named",
    { connections: 50, pace: { kind: "steady", rate: 500 } },
    // At this rate duplicate protection has the 100,000 receipts that it keeps after 200 seconds.
    {
      subjects: ["gateway"],
      length: { seconds: 1_800, warmup: 240, repeats: 1 },
      goals: [atMost("rssGrowth", 16), atMost("heapGrowth", 8), atMost("descriptorGrowth", 20)]
    }
  )
]

/** Not a load: how long the gateway takes to start. */
export const STARTS = "starts"

export const scenarioNames: ReadonlyArray<string> = [STARTS, ...scenarios.map(({ name }) => name)]

/** By its name, by `full`, or because nothing is named. */
export const isChosen = (names: ReadonlyArray<string>, name: string, suite: Scenario["suite"]): boolean =>
  names.length === 0 ? suite === "main" : names.includes(name) || (names.includes("full") && suite !== "named")

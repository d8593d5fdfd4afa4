/**
 * The load itself: opens connections, sends mails on them at the plan's pace, and counts. Plain callbacks and timers,
 * for the reason given in SmtpClient.ts.
 */
import { createSecureContext } from "node:tls"
import { Worker } from "node:worker_threads"
import { now } from "./clock.ts"
import { Histogram } from "./Histogram.ts"
import type { LoadPlan } from "./LoadPlan.ts"
import type { LoadReport } from "./LoadReport.ts"
import { makeMessage } from "./message.ts"
import type { PacerData } from "./pacerThread.ts"
import { type ClientSettings, SmtpClient } from "./SmtpClient.ts"
import { Tally } from "./Tally.ts"

export interface LoadEvents {
  /** The measured time begins or ends; `at` is on the clock of `now`. */
  readonly phase: (kind: "measuring" | "measured", at: number) => void
  readonly done: (report: LoadReport) => void
  /** Nothing can be measured. */
  readonly failed: (reason: string) => void
}

export class Load {
  readonly #plan: LoadPlan
  readonly #events: LoadEvents
  readonly #settings: ClientSettings
  readonly #tally: Tally
  readonly #connect = new Histogram()
  readonly #login = new Histogram()
  #phase: "opening" | "warming" | "measuring" | "finishing" | "over" = "opening"
  #timer: NodeJS.Timeout | undefined
  #pacer: Worker | undefined

  readonly #clients = new Set<SmtpClient>()
  /** Connections not yet logged in. */
  readonly #opening = new Set<SmtpClient>()
  #toOpen: number
  /** Logged in, and never to send. */
  readonly #silent = new Set<SmtpClient>()
  /** Logged in, and waiting for a mail that is due. */
  readonly #free = new Set<SmtpClient>()
  /** With the time when the mail was due. */
  readonly #underWay = new Map<SmtpClient, number>()
  /** Mails that are due, and wait for a connection. */
  readonly #overdue: Array<number> = []
  #logins = 0
  #resumed = 0
  #serial = 0
  #connectionsLost = 0

  #measuredFrom = 0
  #measuredTo = 0
  #connectionsMeasured = 0

  constructor(plan: LoadPlan, events: LoadEvents) {
    this.#plan = plan
    this.#events = events
    this.#toOpen = plan.connections + plan.idle
    this.#tally = new Tally(plan.pace.kind === "closed" ? "answeredAt" : "due")
    const recipients = Array.from({ length: plan.recipients }, (_, index) => `customer${index}@example.com`)
    this.#settings = {
      plan,
      recipients,
      message: makeMessage(plan.message, plan.username, recipients[0] ?? ""),
      secureContext: createSecureContext(),
      session: undefined,
      events: {
        ready: (client, { connect, isResumed, login }) => {
          if (isResumed) this.#resumed++
          this.#connect.add(connect)
          this.#login.add(login)
          this.#ready(client)
        },
        answered: (client, code, took) => this.#answered(client, code, took),
        closed: (client, reason) => this.#closed(client, reason)
      }
    }
  }

  start(): void {
    this.#at(now() + OPENING_TIME, () => this.#fail(`${this.#logins} connections in ${OPENING_TIME / 1000} seconds`))
    this.#open()
  }

  /** Ends at once; nobody is told. */
  abort(): void {
    this.#phase = "over"
    clearTimeout(this.#timer)
    void this.#pacer?.terminate()
    for (const client of this.#clients) client.destroy()
  }

  #open(): void {
    while (this.#toOpen > 0 && this.#opening.size < Math.max(OPENING_AT_A_TIME, this.#plan.connections)) {
      this.#toOpen--
      const client = new SmtpClient(this.#settings)
      this.#clients.add(client)
      this.#opening.add(client)
    }
  }

  #ready(client: SmtpClient): void {
    this.#opening.delete(client)
    this.#open()
    if (this.#silent.size < this.#plan.idle) this.#silent.add(client)
    else this.#next(client)
    this.#logins++
    // Not when none is opening: where each mail has its own connection, some always are.
    if (this.#phase === "opening" && this.#logins >= this.#plan.connections + this.#plan.idle) this.#warmUp()
  }

  #next(client: SmtpClient): void {
    if (client.sent >= this.#plan.messagesPerConnection) return client.quit()
    if (this.#plan.pace.kind !== "closed") {
      const due = this.#overdue.shift()
      if (due === undefined) this.#free.add(client)
      else this.#begin(client, due)
    } else if (this.#mayBegin()) this.#begin(client, now())
  }

  #mayBegin(): boolean {
    return this.#serial < this.#plan.maxMessages && this.#phase !== "finishing" && this.#phase !== "over"
  }

  #begin(client: SmtpClient, due: number): void {
    this.#tally.begun(due, now())
    this.#underWay.set(client, due)
    client.send(this.#serial++)
  }

  #due(times: ReadonlyArray<number>): void {
    for (const due of times) {
      if (this.#serial + this.#overdue.length >= this.#plan.maxMessages) return
      const [client] = this.#free
      if (client === undefined) this.#overdue.push(due)
      else {
        this.#free.delete(client)
        this.#begin(client, due)
      }
    }
  }

  #answered(client: SmtpClient, code: string, took: number | undefined): void {
    this.#outcome(client, code, took)
    // Refused before its data: the transaction is still open.
    if (took === undefined) client.reset(() => this.#next(client))
    else this.#next(client)
    this.#endIfAllIsSent()
  }

  #closed(client: SmtpClient, reason: string): void {
    this.#clients.delete(client)
    this.#free.delete(client)
    this.#silent.delete(client)
    const failedToOpen = this.#opening.delete(client)
    if (this.#underWay.has(client)) this.#outcome(client, "lost", undefined)
    if (this.#phase === "over") return
    if (!client.isDone) {
      this.#connectionsLost++
      if (this.#connectionsLost > MAX_CONNECTIONS_LOST || (failedToOpen && this.#phase === "opening")) {
        return this.#fail(`connections end: ${reason === "" ? "without a word" : reason}`)
      }
    }
    if (this.#mayBegin()) {
      this.#toOpen++
      this.#open()
    }
    this.#endIfAllIsSent()
  }

  #outcome(client: SmtpClient, code: string, took: number | undefined): void {
    const due = this.#underWay.get(client) ?? now()
    this.#underWay.delete(client)
    this.#tally.add({ code, took, due, answeredAt: now() })
  }

  #warmUp(): void {
    this.#phase = "warming"
    const { pace, seconds, warmup } = this.#plan
    // The pacer's thread takes a while to start.
    const startedAt = now() + (pace.kind === "closed" ? 0 : PACER_START)
    if (pace.kind !== "closed") {
      const workerData: PacerData = { schedule: { pace, seconds, warmup }, startedAt }
      this.#pacer = new Worker(new URL("./pacerThread.ts", import.meta.url), { workerData })
      this.#pacer.on("message", (times: ReadonlyArray<number>) => this.#due(times))
      this.#pacer.on("error", (error) => this.#fail(`the pacer failed: ${String(error)}`))
    }
    this.#at(startedAt + warmup * 1000, () => this.#measure())
  }

  #measure(): void {
    this.#phase = "measuring"
    this.#measuredFrom = now()
    this.#tally.measureFrom(this.#measuredFrom)
    this.#connectionsMeasured = this.#clients.size - this.#opening.size
    this.#events.phase("measuring", this.#measuredFrom)
    this.#at(this.#measuredFrom + this.#plan.seconds * 1000, () => this.#finish())
    this.#endIfAllIsSent()
  }

  /** The measured time is over: what is under way is waited for. */
  #finish(): void {
    if (this.#phase !== "measuring") return
    this.#phase = "finishing"
    this.#measuredTo = now()
    this.#tally.measureTo(this.#measuredTo)
    this.#events.phase("measured", this.#measuredTo)
    this.#at(this.#measuredTo + GRACE, () => this.#end())
    this.#endIfAllIsSent()
  }

  #endIfAllIsSent(): void {
    if (this.#underWay.size > 0 || this.#overdue.length > 0) return
    if (this.#phase === "finishing") this.#end()
    else if (this.#phase === "measuring" && this.#serial >= this.#plan.maxMessages) this.#finish()
  }

  #end(): void {
    if (this.#phase === "over") return
    const unanswered = this.#underWay.size + this.#overdue.length
    this.#phase = "over"
    clearTimeout(this.#timer)
    void this.#pacer?.terminate()
    for (const client of this.#clients) {
      if (this.#opening.has(client) || this.#underWay.has(client)) client.destroy()
      else client.quit()
    }
    const leave = setTimeout(() => this.abort(), FAREWELL)
    leave.unref()
    this.#events.done({
      seconds: (this.#measuredTo - this.#measuredFrom) / 1000,
      replies: this.#tally.replies,
      allReplies: this.#tally.allReplies,
      unanswered,
      octets: this.#settings.message.octets.length,
      ...this.#tally.latencies,
      connect: this.#connect.latency,
      login: this.#login.latency,
      connections: this.#connectionsMeasured,
      connectionsLost: this.#connectionsLost,
      logins: this.#logins,
      resumed: this.#resumed
    })
  }

  #fail(reason: string): void {
    this.abort()
    this.#events.failed(reason)
  }

  #at(time: number, action: () => void): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(action, Math.max(0, time - now()))
  }
}

/** A burst of handshakes is no part of a load, unless it has that many connections that send. */
const OPENING_AT_A_TIME = 50

/** Milliseconds for all connections to log in. */
const OPENING_TIME = 120_000

/** A server that ends so many connections is not being measured. */
const MAX_CONNECTIONS_LOST = 1_000

/** Milliseconds. */
const PACER_START = 300

/** Milliseconds that mails may take to be answered after the measured time. */
const GRACE = 30_000

/** Milliseconds for the server to answer QUIT. */
const FAREWELL = 2_000

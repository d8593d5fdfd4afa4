/** The servers that are measured, each as a process of its own. */
import { Effect, Redacted, Schedule, Schema } from "effect"
import { readFileSync, writeFileSync } from "node:fs"
import { get } from "node:http"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { makeSelfSigned } from "../../src/layers/tls/selfSigned.ts"
import { freePort } from "../../test/kit/freePort.ts"
import { BenchFailed, type BenchProcess, startProcess } from "./processes.ts"

/**
 * `gateway`: as `npm run gateway` starts it. `built`: the same from what `npm run build` makes, as images run it.
 * `unobserved`: without logs and metrics. `traced`: with spans of every mail, or of a tenth of them. `baseline`:
 * bench/servers/baseline.ts. `floor`: that without looking into the mail.
 */
export type SubjectName = "gateway" | "built" | "unobserved" | "traced" | "traced-tenth" | "baseline" | "floor"

/** Where a session of the bench takes place. */
export interface Workplace {
  /** For certificates and profiles; goes with the session. */
  readonly directory: string
  readonly serverCore: number
  /** Of the load generator, the API and the runner. */
  readonly loadCore: number
  /** PEM files. */
  readonly certificate: string
  readonly key: string
}

/** Addresses without a slash at the end. */
export interface BenchApi {
  readonly process: BenchProcess
  readonly url: string
  /** Takes spans by OTLP over HTTP. */
  readonly collectorUrl: string
}

export interface Subject {
  readonly process: BenchProcess
  readonly smtpPort: number
  /** Of a gateway that has metrics. */
  readonly metricsUrl: string | undefined
}

export interface SubjectOptions {
  readonly apiUrl: string
  readonly collectorUrl: string
  /** Settings beside those of `production`. */
  readonly settings: Readonly<Record<string, string>>
  /** Options of node. */
  readonly nodeOptions: ReadonlyArray<string>
}

export const rootDirectory = fileURLToPath(new URL("../../", import.meta.url))

/** An ECDSA certificate, as the docs recommend. */
export const makeWorkplace = Effect.fnUntraced(function* (
  place: Pick<Workplace, "directory" | "serverCore" | "loadCore">
) {
  const pair = yield* makeSelfSigned("localhost")
  const workplace: Workplace = {
    ...place,
    certificate: join(place.directory, "tls.crt"),
    key: join(place.directory, "tls.key")
  }
  yield* Effect.sync(() => {
    writeFileSync(workplace.certificate, pair.certificate)
    writeFileSync(workplace.key, Redacted.value(pair.privateKey), { mode: 0o600 })
  })
  return workplace
})

/** Resolves once it serves. */
export const startSubject = Effect.fnUntraced(function* (
  name: SubjectName,
  workplace: Workplace,
  options: SubjectOptions
) {
  if (name === "baseline" || name === "floor") return yield* startBaseline(name, workplace, options)
  const { builtProgram, environment, options: usual, program, rest } = yield* gatewayCommand
  const programs: { readonly [Name in SubjectName]?: string } = {
    built: builtProgram,
    unobserved: "bench/servers/unobserved.ts"
  }
  return yield* startGateway(name, workplace, {
    ...options,
    settings: { ...tracing(name, options.collectorUrl), ...options.settings },
    args: [...usual, ...options.nodeOptions, join(rootDirectory, programs[name] ?? program), ...rest],
    environment
  })
})

/** Any program that takes the gateway's settings; resolves once /health/ready says so. */
export const startGateway = Effect.fnUntraced(function* (
  name: string,
  workplace: Workplace,
  options: Pick<SubjectOptions, "apiUrl" | "settings"> & {
    readonly args: ReadonlyArray<string>
    readonly environment: Readonly<Record<string, string>>
  }
) {
  const smtpPort = yield* freePort
  const httpPort = yield* freePort
  const httpUrl = `http://127.0.0.1:${httpPort}`
  const process = yield* startProcess({
    name,
    core: workplace.serverCore,
    args: options.args,
    environment: {
      ...options.environment,
      ...production(workplace),
      SMTP_PORT: `${smtpPort}`,
      HTTP_PORT: `${httpPort}`,
      CAKEMAIL_API_URL: options.apiUrl,
      ...(options.apiUrl.startsWith("https:") && { CAKEMAIL_CA_PATH: workplace.certificate }),
      ...options.settings
    },
    // Where no .env lies.
    directory: workplace.directory,
    lines: false
  })
  const ready = isReady(`${httpUrl}/health/ready`).pipe(
    Effect.flatMap((yes) => (yes ? Effect.void : Effect.fail(NOT_READY))),
    Effect.retry({ schedule: Schedule.spaced("5 millis"), times: 6_000 })
  )
  // It says nothing that is read here, so that its line is its end.
  yield* Effect.raceFirst(ready, process.line)
  const subject: Subject = {
    process,
    smtpPort,
    metricsUrl: name === "unobserved" ? undefined : `${httpUrl}/metrics`
  }
  return subject
})

/** The lean API. */
export const startApi = Effect.fnUntraced(function* (
  workplace: Workplace,
  options: { readonly latency: number; readonly tls: boolean; readonly check: boolean }
) {
  const { certificate, key, loadCore } = workplace
  const { check, latency, tls } = options
  const process = yield* startProcess({
    name: "the API",
    core: loadCore,
    args: [
      join(rootDirectory, "bench/servers/api.ts"),
      JSON.stringify({ latency, check, ...(tls && { certificate, key }) })
    ],
    lines: true
  })
  const { collectorPort, port } = yield* Effect.flatMap(process.line, readPorts)
  const api: BenchApi = {
    process,
    url: `${tls ? "https" : "http"}://127.0.0.1:${port}`,
    collectorUrl: `http://127.0.0.1:${collectorPort}`
  }
  return api
})

/** All that production has: limits, budget, breaker, logs at INFO to a pipe, metrics. */
const production = ({ certificate, key }: Workplace): Readonly<Record<string, string>> => ({
  SMTP_HOST: "127.0.0.1",
  SMTP_HOSTNAME: "smtp.example.com",
  HTTP_HOST: "127.0.0.1",
  TLS_CERT_PATH: certificate,
  TLS_KEY_PATH: key,
  // All clients of the bench have one address.
  TRUSTED_NETWORKS: "127.0.0.0/8,::1/128"
})

const tracing = (name: SubjectName, collectorUrl: string): Readonly<Record<string, string>> =>
  name === "traced" || name === "traced-tenth"
    ? {
        OTEL_EXPORTER_OTLP_ENDPOINT: collectorUrl,
        OTEL_TRACES_SAMPLER: "parentbased_traceidratio",
        OTEL_TRACES_SAMPLER_ARG: name === "traced" ? "1" : "0.1"
      }
    : {}

const startBaseline = Effect.fnUntraced(function* (
  name: "baseline" | "floor",
  workplace: Workplace,
  { apiUrl, nodeOptions }: SubjectOptions
) {
  const { certificate, key, serverCore } = workplace
  const smtpPort = yield* freePort
  const process = yield* startProcess({
    name: `the ${name}`,
    core: serverCore,
    args: [
      ...nodeOptions,
      join(rootDirectory, "bench/servers/baseline.ts"),
      JSON.stringify({ port: smtpPort, apiUrl, certificate, key, parse: name === "baseline" })
    ],
    lines: true
  })
  yield* process.line
  const subject: Subject = { process, smtpPort, metricsUrl: undefined }
  return subject
})

/** What stands behind `npm run gateway`, so that the bench measures what production runs. */
export const gatewayCommand = Effect.gen(function* () {
  const { scripts } = readPackage(readFileSync(join(rootDirectory, "package.json"), "utf8"))
  const match = /^((?:\w+=\S+ +)*)exec node (.*?)(\S+\.ts) (.*)$/.exec(scripts.gateway)
  if (match === null) return yield* new BenchFailed({ reason: `cannot read the script: ${scripts.gateway}` })
  const [, assignments = "", options = "", program = "", rest = ""] = match
  const words = (text: string) => text.split(" ").filter((word) => word !== "")
  return {
    environment: Object.fromEntries(words(assignments).map((each) => each.split("=", 2))),
    /** Of node. */
    options: words(options),
    /** From the root of the repository. */
    program,
    builtProgram: program.replace(/^src\//, "dist/").replace(/\.ts$/, ".js"),
    rest: words(rest)
  }
})

const readPackage = Schema.decodeSync(
  Schema.fromJsonString(Schema.Struct({ scripts: Schema.Struct({ gateway: Schema.String }) }))
)

const readPorts = (line: string) =>
  Schema.decodeEffect(Schema.fromJsonString(Schema.Struct({ port: Schema.Int, collectorPort: Schema.Int })))(line).pipe(
    Effect.mapError(() => new BenchFailed({ reason: `the API said: ${line}` }))
  )

const NOT_READY = new BenchFailed({ reason: "the gateway is not ready after 30 seconds" })

const isReady = (url: string) =>
  Effect.callback<boolean>((resume) => {
    const request = get(url, { agent: false }, (response) => {
      response.resume()
      response.once("close", () => resume(Effect.succeed(response.statusCode === 200)))
    })
    request.on("error", () => resume(Effect.succeed(false)))
  })

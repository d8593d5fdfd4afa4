/** Settings that are right one by one and wrong together. */
import type { GatewaySettings } from "../../services/GatewayConfig.ts"
import { type ConfigProblem, shown } from "./ConfigProblems.ts"

export interface Contradiction {
  readonly problem: ConfigProblem
  /** The settings that take part in it. */
  readonly between: ReadonlyArray<string>
}

/** A port with the setting that asks for it. */
export interface NamedPort {
  readonly name: string
  readonly port: number
}

export const contradictions = (
  gateway: GatewaySettings,
  smtpPorts: ReadonlyArray<NamedPort>
): ReadonlyArray<Contradiction> => [
  ...halfCertificate(["TLS_CERT_PATH", gateway.tls.certificatePath], ["TLS_KEY_PATH", gateway.tls.keyPath]),
  ...halfCertificate(
    ["OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", gateway.tracing.clientCertificatePath],
    ["OTEL_EXPORTER_OTLP_CLIENT_KEY", gateway.tracing.clientKeyPath]
  ),
  ...batchLargerThanQueue(gateway.tracing),
  ...budgetOfWorkerTooSmall(gateway),
  ...portsTakenTwice(smtpPorts),
  ...(hostsOverlap(gateway.smtp.host, gateway.http.host) ? httpPortTaken(gateway.http.port, smtpPorts) : [])
]

/** The name of a setting, and the path that it gives. */
type NamedPath = readonly [name: string, path: string | undefined]

const halfCertificate = (certificate: NamedPath, key: NamedPath): ReadonlyArray<Contradiction> => {
  if ((certificate[1] === undefined) === (key[1] === undefined)) return []
  const [name, other, what] =
    key[1] === undefined ? [key[0], certificate[0], "private key"] : [certificate[0], key[0], "certificate"]
  const expected = `the path of the ${what} that belongs to ${other}, or unset ${other}`
  return [{ problem: { name, given: "not set", expected }, between: [name, other] }]
}

const batchLargerThanQueue = (tracing: GatewaySettings["tracing"]): ReadonlyArray<Contradiction> => {
  if (tracing.batchSize <= tracing.queueSize) return []
  const [name, other] = ["OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "OTEL_BSP_MAX_QUEUE_SIZE"]
  const expected = `at most ${tracing.queueSize}, which is ${other}, or raise that`
  return [{ problem: { name, given: shown(`${tracing.batchSize}`, false), expected }, between: [name, other] }]
}

/** Each worker has its part of the budget: it would tell the largest mails to try again for ever. */
const budgetOfWorkerTooSmall = ({ limits, smtp, workers }: GatewaySettings): ReadonlyArray<Contradiction> => {
  const least = workers * smtp.messageSizeLimit
  if (workers === 1 || limits.messageBudget >= least) return []
  const between = ["MESSAGE_BUDGET", "WORKERS", "MESSAGE_SIZE_LIMIT"]
  const expected = `at least ${least}, MESSAGE_SIZE_LIMIT for each of ${workers} WORKERS, better three times that`
  return [{ problem: { name: "MESSAGE_BUDGET", given: shown(`${limits.messageBudget}`, false), expected }, between }]
}

const portsTakenTwice = (ports: ReadonlyArray<NamedPort>): ReadonlyArray<Contradiction> =>
  ports.flatMap(({ name, port }, index) => {
    const first = takenBy(port, ports.slice(0, index))
    return first === undefined ? [] : [portTaken(name, port, first)]
  })

const httpPortTaken = (port: number, smtpPorts: ReadonlyArray<NamedPort>): ReadonlyArray<Contradiction> => {
  const first = takenBy(port, smtpPorts)
  return first === undefined ? [] : [portTaken("HTTP_PORT", port, first)]
}

/** Port 0 is never taken: the system chooses another one each time. */
const takenBy = (port: number, ports: ReadonlyArray<NamedPort>): string | undefined =>
  port === 0 ? undefined : ports.find((each) => each.port === port)?.name

const portTaken = (name: string, port: number, first: string): Contradiction => ({
  problem: {
    name,
    given: shown(`${port}`, false),
    expected: first === name ? "every port once" : `a port that ${first} does not use already`
  },
  between: [name, first]
})

const WILDCARDS: ReadonlySet<string> = new Set(["::", "0.0.0.0"])

const hostsOverlap = (one: string, other: string): boolean =>
  one === other || WILDCARDS.has(one) || WILDCARDS.has(other)

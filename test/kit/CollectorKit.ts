/** A collector of traces on 127.0.0.1 that reads OTLP by its published schema, and is as well or as ill as a test wants. */
import { Effect, Schema, type Scope } from "effect"
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import { createServer as createTlsServer } from "node:https"
import type { AddressInfo } from "node:net"
import { gunzipSync } from "node:zlib"
import root from "otlp-schema/build/src/generated/root.js"
import { listening } from "./ScriptedApi.ts"

const Bytes = Schema.Uint8Array
const Nanos = Schema.String

const Value = Schema.Struct({
  stringValue: Schema.optionalKey(Schema.String),
  intValue: Schema.optionalKey(Schema.String),
  doubleValue: Schema.optionalKey(Schema.Finite),
  boolValue: Schema.optionalKey(Schema.Boolean)
})
const Attributes = Schema.Array(Schema.Struct({ key: Schema.String, value: Value }))
const Span = Schema.Struct({
  traceId: Bytes,
  spanId: Bytes,
  parentSpanId: Schema.optionalKey(Bytes),
  traceState: Schema.optionalKey(Schema.String),
  name: Schema.String,
  kind: Schema.String,
  startTimeUnixNano: Nanos,
  endTimeUnixNano: Nanos,
  attributes: Schema.optionalKey(Attributes),
  events: Schema.optionalKey(
    Schema.Array(
      Schema.Struct({ name: Schema.String, timeUnixNano: Nanos, attributes: Schema.optionalKey(Attributes) })
    )
  ),
  links: Schema.optionalKey(Schema.Array(Schema.Struct({ traceId: Bytes, spanId: Bytes }))),
  status: Schema.optionalKey(
    Schema.Struct({ code: Schema.optionalKey(Schema.String), message: Schema.optionalKey(Schema.String) })
  )
})
const Request = Schema.Struct({
  resourceSpans: Schema.Array(
    Schema.Struct({
      resource: Schema.Struct({ attributes: Attributes }),
      scopeSpans: Schema.Array(Schema.Struct({ spans: Schema.Array(Span) }))
    })
  )
})

export interface CollectedSpan {
  readonly name: string
  /** Ids in hexadecimal. */
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId: string | undefined
  readonly traceState: string | undefined
  /** `SPAN_KIND_SERVER` and the like. */
  readonly kind: string
  /** Nanoseconds of the epoch. */
  readonly start: bigint
  readonly end: bigint
  readonly attributes: Readonly<Record<string, unknown>>
  readonly events: ReadonlyArray<{ readonly name: string; readonly attributes: Readonly<Record<string, unknown>> }>
  readonly links: ReadonlyArray<{ readonly traceId: string; readonly spanId: string }>
  /** `STATUS_CODE_UNSET` and the like, and what there is to say of it. */
  readonly status: { readonly code: string; readonly message: string | undefined }
  readonly resource: Readonly<Record<string, unknown>>
}

export interface CollectorKit {
  /** For OTEL_EXPORTER_OTLP_ENDPOINT. */
  readonly url: string
  readonly spans: ReadonlyArray<CollectedSpan>
  /** Calls so far, and what each said of itself. */
  readonly requests: ReadonlyArray<{ readonly path: string; readonly headers: Readonly<Record<string, unknown>> }>
  /** Octets that came, as they came. */
  readonly bodies: ReadonlyArray<Buffer>
  /**
   * What calls meet from now on: `ok` reads them, a number is the status of a refusal, `hang` gives no answer for as long
   * as it lasts. Those that waited are read once it is `ok` again.
   */
  readonly be: (mood: "ok" | "hang" | number) => Effect.Effect<void>
}

export interface CertificatePair {
  readonly cert: string
  readonly key: string
}

/** Until the scope closes. With `clientCa` it asks clients for a certificate of that authority. */
export const startSecureCollector: (
  tls: (CertificatePair & { readonly clientCa?: string }) | undefined
) => Effect.Effect<CollectorKit, never, Scope.Scope> = Effect.fnUntraced(function* (tls) {
  const spans: Array<CollectedSpan> = []
  const requests: Array<CollectorKit["requests"][number]> = []
  const bodies: Array<Buffer> = []
  const held: Array<() => void> = []
  let mood: "ok" | "hang" | number = "ok"

  const serve = (incoming: IncomingMessage, outgoing: ServerResponse): void => {
    const chunks: Array<Buffer> = []
    incoming.on("data", (chunk: Buffer) => chunks.push(chunk))
    incoming.on("end", () => {
      requests.push({ path: incoming.url ?? "", headers: incoming.headers })
      const take = () => {
        const sent = Buffer.concat(chunks)
        const body = incoming.headers["content-encoding"] === "gzip" ? gunzipSync(sent) : sent
        bodies.push(body)
        spans.push(...readSpans(body))
        outgoing.writeHead(200, { "content-type": "application/x-protobuf" })
        outgoing.end()
      }
      if (mood === "ok") take()
      else if (mood === "hang") held.push(take)
      else outgoing.writeHead(mood).end("no")
    })
  }
  const server = yield* listening(() =>
    tls === undefined
      ? createServer(serve)
      : createTlsServer({ ...tls, ca: tls.clientCa, requestCert: tls.clientCa !== undefined }, serve)
  )
  const { port } = server.address() as AddressInfo
  return {
    url: `${tls === undefined ? "http" : "https"}://127.0.0.1:${port}`,
    spans,
    requests,
    bodies,
    be: (next) =>
      Effect.sync(() => {
        mood = next
        if (next === "ok") for (const take of held.splice(0)) take()
      })
  }
})

export const startCollector = startSecureCollector(undefined)

/** The parts of the generated classes that are used here; its own types say nothing of them. */
interface Generated {
  readonly opentelemetry: {
    readonly proto: {
      readonly collector: {
        readonly trace: {
          readonly v1: {
            readonly ExportTraceServiceRequest: {
              readonly decode: (octets: Uint8Array) => unknown
              readonly verify: (message: unknown) => string | null
              readonly toObject: (message: unknown, options: object) => unknown
            }
          }
        }
      }
    }
  }
}

const { ExportTraceServiceRequest } = (root as unknown as Generated).opentelemetry.proto.collector.trace.v1

const decodeRequest = Schema.decodeUnknownSync(Request)

/** Of one `ExportTraceServiceRequest`. */
export const readSpans = (body: Buffer): ReadonlyArray<CollectedSpan> => {
  const message = ExportTraceServiceRequest.decode(body)
  const wrong = ExportTraceServiceRequest.verify(message)
  if (wrong !== null) throw new Error(wrong)
  const request = decodeRequest(ExportTraceServiceRequest.toObject(message, { longs: String, enums: String }))
  return request.resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans.flatMap((scope) => scope.spans.map((span) => collected(span, recordOf(resource.attributes))))
  )
}

const collected = (span: typeof Span.Type, resource: Readonly<Record<string, unknown>>): CollectedSpan => ({
  name: span.name,
  traceId: hex(span.traceId),
  spanId: hex(span.spanId),
  parentSpanId: span.parentSpanId === undefined || span.parentSpanId.length === 0 ? undefined : hex(span.parentSpanId),
  traceState: span.traceState,
  kind: span.kind,
  start: BigInt(span.startTimeUnixNano),
  end: BigInt(span.endTimeUnixNano),
  attributes: recordOf(span.attributes ?? []),
  events: (span.events ?? []).map(({ attributes, name }) => ({ name, attributes: recordOf(attributes ?? []) })),
  links: (span.links ?? []).map(({ spanId, traceId }) => ({ traceId: hex(traceId), spanId: hex(spanId) })),
  // What is left out has the first value of its enumeration.
  status: { code: span.status?.code ?? "STATUS_CODE_UNSET", message: span.status?.message },
  resource
})

const hex = (octets: Uint8Array): string => Buffer.from(octets).toString("hex")

const recordOf = (attributes: typeof Attributes.Type): Readonly<Record<string, unknown>> =>
  Object.fromEntries(
    attributes.map(({ key, value }) => [
      key,
      value.stringValue ??
        value.boolValue ??
        (value.intValue === undefined ? value.doubleValue : Number(value.intValue))
    ])
  )

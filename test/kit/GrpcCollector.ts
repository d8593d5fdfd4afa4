/** A collector that takes OTLP over gRPC, by the library of the gRPC project; else as CollectorKit's. */
import { type sendUnaryData, Server, ServerCredentials, type ServerUnaryCall } from "@grpc/grpc-js"
import { Effect, type Scope } from "effect"
import { type CertificatePair, type CollectedSpan, type CollectorKit, readSpans } from "./CollectorKit.ts"

const asIs = (octets: Buffer): Buffer => octets

const SERVICE = {
  Export: {
    path: "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
    requestStream: false,
    responseStream: false,
    requestDeserialize: asIs,
    requestSerialize: asIs,
    responseDeserialize: asIs,
    responseSerialize: asIs
  }
} as const

/** What it adds to a refusal; nobody should read it again. */
export const REFUSAL_DETAILS = "Quetzal was sent"

/** Until the scope closes. A number that it is made to be is a status of gRPC. */
export const startGrpcCollector: (tls?: CertificatePair) => Effect.Effect<CollectorKit, never, Scope.Scope> =
  Effect.fnUntraced(function* (tls) {
    const spans: Array<CollectedSpan> = []
    const requests: Array<CollectorKit["requests"][number]> = []
    const bodies: Array<Buffer> = []
    const held: Array<() => void> = []
    let mood: "ok" | "hang" | number = "ok"

    const server = new Server()
    server.addService(SERVICE, {
      Export: ({ metadata, request }: ServerUnaryCall<Buffer, Buffer>, answer: sendUnaryData<Buffer>) => {
        requests.push({ path: SERVICE.Export.path, headers: metadata.getMap() })
        const take = () => {
          bodies.push(request)
          spans.push(...readSpans(request))
          answer(null, Buffer.alloc(0))
        }
        if (mood === "ok") take()
        else if (mood === "hang") held.push(take)
        else answer({ code: mood, details: REFUSAL_DETAILS })
      }
    })
    const security =
      tls === undefined
        ? ServerCredentials.createInsecure()
        : ServerCredentials.createSsl(null, [{ cert_chain: Buffer.from(tls.cert), private_key: Buffer.from(tls.key) }])
    const port = yield* Effect.acquireRelease(
      Effect.callback<number>((resume) =>
        server.bindAsync("127.0.0.1:0", security, (error, bound) =>
          resume(error === null ? Effect.succeed(bound) : Effect.die(error))
        )
      ),
      () => Effect.sync(() => server.forceShutdown())
    )
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

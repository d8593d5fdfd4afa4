/** OTLP over gRPC. It brings an HTTP stack of its own along, and is loaded when it is asked for. */
import { credentials, Metadata } from "@grpc/grpc-js"
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-grpc"
import { CompressionAlgorithm } from "@opentelemetry/otlp-exporter-base"
import type { CollectorAccess } from "./collectorAccess.ts"

export const grpcExporter = ({ compressed, headers, tls, timeoutMillis, url }: CollectorAccess): OTLPTraceExporter => {
  const metadata = new Metadata()
  for (const [name, value] of Object.entries(headers)) metadata.set(name, value)
  return new OTLPTraceExporter({
    url,
    metadata,
    timeoutMillis,
    compression: compressed ? CompressionAlgorithm.GZIP : CompressionAlgorithm.NONE,
    credentials: url.startsWith("http:")
      ? credentials.createInsecure()
      : credentials.createSsl(tls.ca ?? null, tls.key ?? null, tls.cert ?? null)
  })
}

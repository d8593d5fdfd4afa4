/** OTLP over HTTP with protobuf. */
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-proto"
import { CompressionAlgorithm } from "@opentelemetry/otlp-exporter-base"
import type { CollectorAccess } from "./collectorAccess.ts"

export const httpExporter = ({ compressed, headers, tls, timeoutMillis, url }: CollectorAccess): OTLPTraceExporter =>
  new OTLPTraceExporter({
    url,
    headers,
    timeoutMillis,
    compression: compressed ? CompressionAlgorithm.GZIP : CompressionAlgorithm.NONE,
    httpAgentOptions: { keepAlive: true, ...tls }
  })

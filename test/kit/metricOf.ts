/** The numbers that a gateway tells of itself. */
import { Effect } from "effect"
import { get } from "node:http"

/** The text of /metrics. Dies when nobody answers. */
export const metricsText = (httpUrl: string): Effect.Effect<string> =>
  Effect.callback((resume) => {
    const request = get(`${httpUrl}/metrics`, { agent: false, headers: { connection: "close" } }, (response) => {
      let body = ""
      response.setEncoding("utf8")
      response.on("data", (chunk: string) => (body += chunk))
      response.on("close", () => resume(Effect.succeed(body)))
    })
    request.on("error", (error) => resume(Effect.die(error)))
  })

/**
 * The value of a sample of /metrics, named with its labels as it stands there; 0 for labels that were never counted.
 * Dies when nobody answers, and for a metric that does not exist.
 */
export const metricOf = (httpUrl: string, sample: string): Effect.Effect<number> =>
  Effect.flatMap(metricsText(httpUrl), (exposition) => {
    const lines = exposition.split("\n")
    const line = lines.find((each) => each.startsWith(`${sample} `))
    if (line !== undefined) return Effect.succeed(Number(line.slice(sample.length + 1)))
    const name = sample.replace(/\{.*$/, "").replace(/_(?:bucket|sum|count)$/, "")
    return lines.some((each) => each.startsWith(`# TYPE ${name} `))
      ? Effect.succeed(0)
      : Effect.die(new Error(`there is no metric ${name}`))
  })

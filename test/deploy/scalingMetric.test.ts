/** The metric that autoscaling goes by, as prometheus-adapter asks Prometheus for it. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { parse, stringify } from "yaml"
import { runProgram, withClient } from "../kit/ClientProgram.ts"
import { at, list } from "./Chart.ts"

/** The query, with what the adapter puts in for the pods of a namespace. */
const query = (): string => {
  const [rule] = list(at(parse(readFileSync("deploy/helm/prometheus-adapter.values.yaml", "utf8")), "rules.custom"))
  return `${rule?.["metricsQuery"]}`
    .replaceAll("<<.Series>>", "smtp_emails_received_total")
    .replaceAll("<<.LabelMatchers>>", 'namespace="cakemail-smtp",pod=~"a|b"')
    .replaceAll("<<.GroupBy>>", "pod")
}

describe.runIf(withClient("promtool", "promtool", "--version"))("the metric of autoscaling", () => {
  it.live("is the mails a second of each pod of the namespace", () =>
    Effect.gen(function* () {
      const received = (pod: string, namespace: string, aScrape: number) => ({
        series: `smtp_emails_received_total{namespace="${namespace}",pod="${pod}"}`,
        values: `0+${aScrape}x20`
      })
      const folder = mkdtempSync(join(tmpdir(), "adapter-test-"))
      const file = join(folder, "test.yaml")
      const test = {
        interval: "15s",
        input_series: [
          received("a", "cakemail-smtp", 750),
          received("b", "cakemail-smtp", 15),
          received("c", "mail", 75)
        ],
        promql_expr_test: [
          {
            expr: query(),
            eval_time: "5m",
            exp_samples: [
              { labels: '{pod="a"}', value: 50 },
              { labels: '{pod="b"}', value: 1 }
            ]
          }
        ]
      }
      writeFileSync(file, stringify({ evaluation_interval: "15s", tests: [test] }))
      const { code, stderr, stdout } = yield* runProgram("promtool", ["test", "rules", file])
      assert.strictEqual(code, 0, stdout + stderr)
      rmSync(folder, { recursive: true })
    })
  )
})

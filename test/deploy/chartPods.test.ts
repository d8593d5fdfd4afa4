/** The pods that the chart makes: what they may, when they are replaced, where they run. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { readFileSync } from "node:fs"
import { parse } from "yaml"
import { at, CHART, CONTAINER, list, podLabels, render, selects, type Table, table, withRenderer } from "./Chart.ts"
import { chartCases, HOSTNAME } from "./chartCases.ts"

const withValues = (...values: ReadonlyArray<Table>) => render({ values: [HOSTNAME, ...values] })

describe.runIf(withRenderer)("the pods", () => {
  it.live("are probed as they should be", () =>
    Effect.gen(function* () {
      const { only } = yield* withValues()
      const container = at(only("Deployment"), CONTAINER)
      assert.deepStrictEqual(at(container, "livenessProbe"), {
        httpGet: { path: "/health/live", port: "http" },
        initialDelaySeconds: 30,
        periodSeconds: 10,
        timeoutSeconds: 5,
        failureThreshold: 3
      })
      assert.deepStrictEqual(at(container, "readinessProbe"), {
        httpGet: { path: "/health/ready", port: "http" },
        initialDelaySeconds: 10,
        periodSeconds: 5,
        timeoutSeconds: 3,
        failureThreshold: 2
      })
      assert.deepStrictEqual(at(container, "resources"), {
        requests: { cpu: "500m", memory: "720Mi" },
        limits: { cpu: "1000m", memory: "1Gi" }
      })
    })
  )

  it.live("may do nothing but what they need", () =>
    Effect.gen(function* () {
      for (const options of Object.values(chartCases)) {
        const { only } = yield* render(options)
        const pod = at(only("Deployment"), "spec.template.spec")
        assert.containSubset(pod, {
          automountServiceAccountToken: false,
          enableServiceLinks: false,
          securityContext: {
            runAsNonRoot: true,
            runAsUser: 1000,
            runAsGroup: 1000,
            fsGroup: 1000,
            seccompProfile: { type: "RuntimeDefault" }
          }
        })
        assert.deepStrictEqual(at(pod, "containers.0.securityContext"), {
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          privileged: false,
          capabilities: { drop: ["ALL"] }
        })
        for (const field of ["hostNetwork", "hostPID", "hostIPC"]) assert.notProperty(pod, field)
      }
    })
  )

  it.live("listen below 1024 by the safe sysctl, which goes when no port is that low", () =>
    Effect.gen(function* () {
      const sysctls = (values: Table) =>
        Effect.map(withValues(values), ({ only }) =>
          at(only("Deployment"), "spec.template.spec.securityContext.sysctls")
        )
      const allowed = [{ name: "net.ipv4.ip_unprivileged_port_start", value: "0" }]
      const high = { smtp: { container: 2587 } }
      assert.deepStrictEqual(yield* sysctls({}), allowed)
      assert.isUndefined(yield* sysctls({ ports: high }))
      assert.deepStrictEqual(yield* sysctls({ ports: { ...high, smtps: { enabled: true } } }), allowed)
      assert.isUndefined(yield* sysctls({ ports: { ...high, smtps: { enabled: true, container: 2465 } } }))
      assert.deepStrictEqual(yield* sysctls({ ports: { ...high, extra: [2525, 25] } }), allowed)
    })
  )

  it.live("have the time that the gateway takes to drain, and no preStop hook", () =>
    Effect.gen(function* () {
      for (const [delay, timeout] of [
        [5, 30],
        [0, 0],
        [20, 120]
      ] as const) {
        const { only } = yield* withValues({ shutdown: { delay, timeout } })
        const deployment = only("Deployment")
        assert.strictEqual(at(deployment, "spec.template.spec.terminationGracePeriodSeconds"), delay + timeout + 5)
        assert.isUndefined(at(deployment, `${CONTAINER}.lifecycle`))
        assert.containSubset(only("ConfigMap").data, { SHUTDOWN_DELAY: `${delay}`, SHUTDOWN_TIMEOUT: `${timeout}` })
      }
    })
  )

  it.live("are replaced one by one, none before its successor is ready", () =>
    Effect.gen(function* () {
      const { only } = yield* withValues()
      assert.deepStrictEqual(at(only("Deployment"), "spec.strategy"), {
        type: "RollingUpdate",
        rollingUpdate: { maxUnavailable: 0, maxSurge: 1 }
      })
    })
  )

  it.live("are spread over nodes and zones", () =>
    Effect.gen(function* () {
      const rendering = yield* withValues()
      const pod = at(rendering.only("Deployment"), "spec.template.spec")
      const terms = list(at(pod, "affinity.podAntiAffinity.preferredDuringSchedulingIgnoredDuringExecution"))
      assert.deepStrictEqual(
        terms.map((term) => [term["weight"], at(term, "podAffinityTerm.topologyKey")]),
        [
          [100, "kubernetes.io/hostname"],
          [50, "topology.kubernetes.io/zone"]
        ]
      )
      const [spread] = list(at(pod, "topologySpreadConstraints"))
      assert.containSubset(spread, {
        maxSkew: 1,
        topologyKey: "topology.kubernetes.io/zone",
        whenUnsatisfiable: "DoNotSchedule",
        matchLabelKeys: ["pod-template-hash"]
      })
      for (const selector of [
        ...terms.map((term) => at(term, "podAffinityTerm.labelSelector.matchLabels")),
        at(spread, "labelSelector.matchLabels")
      ]) {
        assert.isTrue(selects(selector, podLabels(rendering)))
      }
      const old = yield* render({ values: [HOSTNAME], kubeVersion: "v1.25.0" })
      assert.notProperty(at(old.only("Deployment"), "spec.template.spec.topologySpreadConstraints.0"), "matchLabelKeys")
    })
  )

  it.live("set what npm run gateway sets for the process", () =>
    Effect.gen(function* () {
      const { scripts } = JSON.parse(readFileSync("package.json", "utf8")) as {
        readonly scripts: Readonly<Record<string, string>>
      }
      const wanted = [...(scripts["gateway"] ?? "").matchAll(/(MALLOC_\w+)=(\d+)/g)]
      const { only } = yield* withValues()
      const variables = list(at(only("Deployment"), `${CONTAINER}.env`))
      assert.includeDeepMembers(
        [...variables],
        wanted.map(([, name, value]) => ({ name, value }))
      )
      assert.lengthOf(wanted, 3)
    })
  )

  it.live("are warned of where clients are told to come back, and may come back to another one", () =>
    Effect.gen(function* () {
      const notes = (...values: ReadonlyArray<Table>) =>
        Effect.map(withValues(...values), (rendering) => rendering.notes)
      const defer = { config: { PARTIAL_FAILURE: "Defer" } }
      const warning = "WARNING: PARTIAL_FAILURE is defer"
      assert.include(yield* notes(defer), warning)
      assert.notInclude(yield* notes(), warning)
      assert.notInclude(yield* notes(defer, { secret: { values: { REDIS_URL: "redis://redis" } } }), warning)
      assert.notInclude(yield* notes(defer, { secret: { existing: "settings" } }), warning)
    })
  )

  it.live("keep no node from being drained once they serve nobody", () =>
    Effect.gen(function* () {
      const policy = (kubeVersion: string) =>
        Effect.map(render({ values: [HOSTNAME], kubeVersion }), ({ only }) =>
          at(only("PodDisruptionBudget"), "spec.unhealthyPodEvictionPolicy")
        )
      assert.strictEqual(yield* policy("v1.33.0"), "AlwaysAllow")
      assert.isUndefined(yield* policy("v1.26.9"))
    })
  )

  it.live("say with their traces who they are, unless the values do", () =>
    Effect.gen(function* () {
      const attributes = (config: Table) =>
        Effect.map(withValues({ config }), ({ only }) =>
          list(at(only("Deployment"), `${CONTAINER}.env`)).filter(({ name }) => name === "OTEL_RESOURCE_ATTRIBUTES")
        )
      assert.deepStrictEqual(yield* attributes({}), [])
      const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://collector.monitoring:4318" }
      const [own] = yield* attributes(endpoint)
      assert.strictEqual(own?.["value"], "k8s.namespace.name=$(POD_NAMESPACE),k8s.pod.name=$(POD_NAME)")
      assert.deepStrictEqual(yield* attributes({ ...endpoint, OTEL_RESOURCE_ATTRIBUTES: "a=b" }), [])
    })
  )

  it.live("are made anew when a setting changes, and only then", () =>
    Effect.gen(function* () {
      const checksums = (values: Table) =>
        Effect.map(withValues(values), ({ only }) => {
          const annotations = table(at(only("Deployment"), "spec.template.metadata.annotations"))
          return [annotations["checksum/config"], annotations["checksum/secret"]]
        })
      const [config, secret] = yield* checksums({})
      assert.match(`${config} ${secret}`, /^[0-9a-f]{64} [0-9a-f]{64}$/)
      assert.deepStrictEqual(yield* checksums({ replicas: 3, service: { type: "NodePort" } }), [config, secret])
      const other = yield* checksums({ config: { LOG_LEVEL: "WARN" } })
      assert.notStrictEqual(other[0], config)
      assert.strictEqual(other[1], secret)
      const secrets = yield* checksums({ secret: { values: { REDIS_URL: "redis://redis" } } })
      assert.notStrictEqual(secrets[1], secret)
      assert.notStrictEqual((yield* checksums({ secret: { values: { REDIS_URL: "redis://b" } } }))[1], secrets[1])
    })
  )

  it.live("are the image that is asked for", () =>
    Effect.gen(function* () {
      const image = (values: Table) =>
        Effect.map(withValues(values), ({ only }) => at(only("Deployment"), `${CONTAINER}.image`))
      const { appVersion } = parse(readFileSync(`${CHART}/Chart.yaml`, "utf8")) as { readonly appVersion: string }
      const repository = "registry.cakemail.com/smtp-gateway"
      assert.strictEqual(yield* image({}), `${repository}:${appVersion}`)
      assert.strictEqual(yield* image({ image: { tag: "abc" } }), `${repository}:abc`)
      const digest = `sha256:${"1".repeat(64)}`
      assert.strictEqual(yield* image({ image: { tag: "abc", digest } }), `${repository}@${digest}`)
    })
  )
})

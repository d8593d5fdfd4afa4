/** The parts of the chart fit each other, and the files of deploy/ that they are made of. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { readFileSync } from "node:fs"
import { parse } from "yaml"
import {
  at,
  CONTAINER,
  list,
  type Manifest,
  parseManifests,
  podLabels,
  render,
  selects,
  type Table,
  table,
  withRenderer
} from "./Chart.ts"
import { chartCases, HOSTNAME } from "./chartCases.ts"

const withValues = (...values: ReadonlyArray<Table>) => render({ values: [HOSTNAME, ...values] })

describe.runIf(withRenderer)("what belongs together", () => {
  for (const [name, options] of Object.entries(chartCases)) {
    it.live(`${name}: selectors meet the pods, ports have their names, volumes their mounts`, () =>
      Effect.gen(function* () {
        const rendering = yield* render(options)
        const { manifests, only } = rendering
        const deployment = only("Deployment")
        const labels = podLabels(rendering)
        assert.isTrue(selects(at(deployment, "spec.selector.matchLabels"), labels))
        const ports = list(at(deployment, `${CONTAINER}.ports`))
        const portNames = ports.map((port) => port["name"])
        assert.strictEqual(new Set(portNames).size, portNames.length)
        for (const port of portNames) assert.match(`${port}`, /^(?=.{1,15}$)[a-z][-a-z0-9]*$/)

        for (const service of manifests.filter(({ kind }) => kind === "Service")) {
          assert.isTrue(selects(at(service, "spec.selector"), labels))
          for (const port of list(at(service, "spec.ports"))) assert.include(portNames, port["targetPort"])
        }
        for (const policy of manifests.filter(({ kind }) => kind === "NetworkPolicy")) {
          assert.isTrue(selects(at(policy, "spec.podSelector.matchLabels"), labels))
          for (const rule of list(at(policy, "spec.ingress"))) {
            for (const port of list(rule["ports"])) assert.include(portNames, port["port"])
          }
        }
        for (const budget of manifests.filter(({ kind }) => kind === "PodDisruptionBudget")) {
          assert.isTrue(selects(at(budget, "spec.selector.matchLabels"), labels))
        }
        for (const scaler of manifests.filter(({ kind }) => kind === "HorizontalPodAutoscaler")) {
          assert.deepStrictEqual(at(scaler, "spec.scaleTargetRef"), {
            apiVersion: "apps/v1",
            kind: "Deployment",
            name: deployment.metadata.name
          })
        }
        for (const monitor of manifests.filter(({ kind }) => kind === "ServiceMonitor")) {
          const found = manifests.filter(
            (each) => each.kind === "Service" && selects(at(monitor, "spec.selector.matchLabels"), each.metadata.labels)
          )
          assert.lengthOf(found, 1, "the service of metrics and no other")
          const [endpoint] = list(at(monitor, "spec.endpoints"))
          assert.deepStrictEqual(
            list(at(found[0], "spec.ports")).map((port) => port["name"]),
            [endpoint?.["port"]]
          )
          assert.property(found[0]?.metadata.labels, `${at(monitor, "spec.jobLabel")}`)
        }

        const pod = at(deployment, "spec.template.spec")
        const volumes = list(at(pod, "volumes")).map((volume) => volume["name"])
        const mounts = list(at(pod, "containers.0.volumeMounts")).map((mount) => mount["name"])
        assert.deepStrictEqual(mounts, volumes)
        const references = list(at(pod, "containers.0.envFrom"))
        const own = manifests.flatMap(({ kind, metadata }) =>
          /^(ConfigMap|Secret)$/.test(kind) ? [metadata.name] : []
        )
        for (const reference of references) {
          const named = at(reference, "configMapRef.name") ?? at(reference, "secretRef.name")
          assert.include([...own, "more-secrets"], named)
        }
        const account = at(pod, "serviceAccountName")
        const accounts = manifests.filter(({ kind }) => kind === "ServiceAccount").map(({ metadata }) => metadata.name)
        assert.deepStrictEqual(accounts, account === "default" ? [] : [account])
      })
    )
  }

  it.live("autoscaling has its numbers, and its metric is one that prometheus-adapter serves", () =>
    Effect.gen(function* () {
      const { only } = yield* withValues()
      const scaler = only("HorizontalPodAutoscaler")
      assert.notProperty(at(only("Deployment"), "spec"), "replicas")
      assert.containSubset(scaler.spec, { minReplicas: 2, maxReplicas: 20 })
      assert.deepStrictEqual(at(scaler, "spec.metrics"), [
        { type: "Resource", resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 70 } } },
        { type: "Resource", resource: { name: "memory", target: { type: "Utilization", averageUtilization: 75 } } },
        {
          type: "Pods",
          pods: { metric: { name: "smtp_emails_per_second" }, target: { type: "AverageValue", averageValue: "50" } }
        }
      ])
      assert.deepStrictEqual(at(scaler, "spec.behavior"), {
        scaleUp: {
          stabilizationWindowSeconds: 60,
          selectPolicy: "Max",
          policies: [
            { type: "Pods", value: 4, periodSeconds: 60 },
            { type: "Percent", value: 50, periodSeconds: 60 }
          ]
        },
        scaleDown: {
          stabilizationWindowSeconds: 300,
          selectPolicy: "Min",
          policies: [{ type: "Pods", value: 1, periodSeconds: 300 }]
        }
      })
      const [rule] = list(at(parse(readFileSync("deploy/helm/prometheus-adapter.values.yaml", "utf8")), "rules.custom"))
      assert.strictEqual(at(rule, "name.as"), "smtp_emails_per_second")
      const counted = /^(\w+)\{/.exec(`${rule?.["seriesQuery"]}`)?.[1]
      assert.strictEqual(at(rule, "name.matches"), `^${counted}$`)
      assert.include(readFileSync("docs/metrics.md", "utf8"), `### \`${counted}\`\n\nCounter.`)
    })
  )

  it.live("without autoscaling the number of pods is fixed", () =>
    Effect.gen(function* () {
      const { manifests, only } = yield* withValues({ autoscaling: { enabled: false }, replicas: 3 })
      assert.strictEqual(at(only("Deployment"), "spec.replicas"), 3)
      assert.isFalse(manifests.some(({ kind }) => kind === "HorizontalPodAutoscaler"))
    })
  )

  it.live("half of the pods stay while nodes are drained", () =>
    Effect.gen(function* () {
      assert.strictEqual(at((yield* withValues()).only("PodDisruptionBudget"), "spec.minAvailable"), "50%")
    })
  )

  it.live("clients reach 587 at the load balancer with their own address; metrics are not reached from outside", () =>
    Effect.gen(function* () {
      const { only } = yield* withValues()
      assert.containSubset(only("Service", "smtp-gateway").spec, {
        type: "LoadBalancer",
        externalTrafficPolicy: "Local",
        sessionAffinity: "None",
        ports: [{ name: "smtp", port: 587, targetPort: "smtp", protocol: "TCP" }]
      })
      assert.containSubset(only("Service", "smtp-gateway-metrics").spec, {
        type: "ClusterIP",
        ports: [{ name: "http", port: 8080, targetPort: "http", protocol: "TCP" }]
      })
    })
  )

  it.live("dead letters are kept on a volume that outlives the release", () =>
    Effect.gen(function* () {
      const { only } = yield* withValues({ deadLetters: { enabled: true } })
      const claim = only("PersistentVolumeClaim")
      assert.deepStrictEqual(claim.metadata.annotations, { "helm.sh/resource-policy": "keep" })
      assert.deepStrictEqual(at(claim, "spec.accessModes"), ["ReadWriteMany"])
      const deployment = only("Deployment")
      assert.deepInclude([...list(at(deployment, "spec.template.spec.volumes"))], {
        name: "dead-letters",
        persistentVolumeClaim: { claimName: claim.metadata.name }
      })
      assert.deepInclude([...list(at(deployment, `${CONTAINER}.volumeMounts`))], {
        name: "dead-letters",
        mountPath: at(only("ConfigMap").data, "DEAD_LETTER_DIR")
      })
      const { manifests } = yield* withValues({ deadLetters: { enabled: true, existingClaim: "nfs" } })
      assert.isFalse(manifests.some(({ kind }) => kind === "PersistentVolumeClaim"))
    })
  )

  it.live("the job that sends dead letters again fits the pods", () =>
    Effect.gen(function* () {
      const secret = { values: { HTTPS_PROXY: "http://proxy:3128" } }
      const { only } = yield* withValues({ deadLetters: { enabled: true }, secret })
      const pod = at(only("Deployment"), "spec.template.spec")
      const [job] = parseManifests(readFileSync("deploy/helm/replay-job.yaml", "utf8"), "replay-job.yaml")
      const other = at(job, "spec.template.spec")
      assert.deepStrictEqual(at(other, "containers.0.securityContext"), at(pod, "containers.0.securityContext"))
      assert.containSubset(at(pod, "securityContext"), { ...table(at(other, "securityContext")), fsGroup: 1000 })
      for (const volume of list(at(other, "volumes"))) assert.deepInclude([...list(at(pod, "volumes"))], volume)
      for (const mount of list(at(other, "containers.0.volumeMounts"))) {
        assert.deepInclude([...list(at(pod, "containers.0.volumeMounts"))], mount)
      }
      assert.strictEqual(at(other, "containers.0.envFrom.0.configMapRef.name"), only("ConfigMap").metadata.name)
      assert.deepStrictEqual(at(other, "containers.0.envFrom.2.secretRef"), {
        name: only("Secret").metadata.name,
        optional: true
      })
    })
  )

  it.live("the alerts are those of deploy/prometheus", () =>
    Effect.gen(function* () {
      const file = readFileSync("deploy/prometheus/smtp-gateway.rules.yaml", "utf8")
      const rules = (values: Table) =>
        Effect.map(
          withValues({ prometheusRule: { enabled: true, ...values } }),
          ({ only }) => only("PrometheusRule").spec
        )
      assert.deepStrictEqual(yield* rules({}), parse(file))
      const elsewhere = yield* rules({ runbooks: "https://runbooks.example.com/mail" })
      assert.notInclude(JSON.stringify(elsewhere), "operations.md")
      assert.include(JSON.stringify(elsewhere), "https://runbooks.example.com/mail#")
    })
  )

  it.live("the dashboard is the one of deploy/grafana", () =>
    Effect.gen(function* () {
      const { only } = yield* withValues({ dashboard: { enabled: true, annotations: { grafana_folder: "Mail" } } })
      const dashboard = only("ConfigMap", "smtp-gateway-dashboard")
      const file = readFileSync("deploy/grafana/dashboards/smtp-gateway.json", "utf8")
      assert.deepStrictEqual(JSON.parse(`${table(dashboard.data)["smtp-gateway.json"]}`), JSON.parse(file))
      assert.strictEqual(dashboard.metadata.labels?.["grafana_dashboard"], "1")
      assert.deepStrictEqual(dashboard.metadata.annotations, { grafana_folder: "Mail" })
    })
  )

  it.live("the certificate is the one of deploy/cert-manager, and its issuers are there", () =>
    Effect.gen(function* () {
      const read = (name: string): Manifest =>
        parseManifests(readFileSync(`deploy/cert-manager/${name}.yaml`, "utf8"), name)[0]!
      const certificate = read("certificate")
      const { only } = yield* render(chartCases["values-prod.yaml"])
      assert.deepStrictEqual(only("Certificate").spec, certificate.spec)
      assert.strictEqual(only("Certificate").metadata.name, certificate.metadata.name)
      for (const environment of ["staging", "prod"]) {
        const issued = (yield* render(chartCases[`values-${environment}.yaml`])).only("Certificate")
        const issuer = read(`clusterissuer-letsencrypt-${environment}`)
        assert.strictEqual(at(issued, "spec.issuerRef.name"), issuer.metadata.name)
        assert.strictEqual(at(issued, "spec.issuerRef.kind"), issuer.kind)
        const staging = `${at(issuer, "spec.acme.server")}`.includes("staging")
        assert.strictEqual(staging, environment === "staging")
      }
    })
  )
})

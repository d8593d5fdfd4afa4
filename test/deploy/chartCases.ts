/** Values that the chart is rendered with: as delivered, and at its edges. */
import { readFileSync } from "node:fs"
import { parse } from "yaml"
import { CHART, type RenderOptions, type Table } from "./Chart.ts"

const valuesFile = (name: string): Table => parse(readFileSync(`${CHART}/${name}`, "utf8"), { version: "1.1" }) as Table

const { config: defaultConfig } = valuesFile("values.yaml") as { readonly config: Table }

export const HOSTNAME: Table = { hostname: "smtp.example.com" }

const MONITORED = {
  serviceMonitor: { enabled: true, labels: { release: "prometheus" } },
  prometheusRule: {
    enabled: true,
    labels: { release: "prometheus" },
    runbooks: "https://runbooks.example.com/gateway"
  },
  dashboard: { enabled: true, annotations: { grafana_folder: "Mail" } }
}

export const chartCases: Readonly<Record<string, RenderOptions>> = {
  "values.yaml": { values: [HOSTNAME] },
  "values-staging.yaml": { values: [valuesFile("values-staging.yaml")] },
  "values-prod.yaml": { values: [valuesFile("values-prod.yaml")] },
  "an old cluster": { values: [HOSTNAME], kubeVersion: "v1.25.3" },
  "everything on": {
    release: "mail",
    values: [
      HOSTNAME,
      MONITORED,
      {
        image: { tag: "1.2.3", digest: `sha256:${"0".repeat(64)}`, pullSecrets: [{ name: "registry" }] },
        config: {
          MESSAGE_SIZE_LIMIT: 26214400,
          CIRCUIT_BREAKER_THRESHOLD: 0.25,
          CAKEMAIL_CREATE_SENDERS: true,
          CAKEMAIL_LIST_ID: 999_999_999_999,
          TRUSTED_NETWORKS: "10.2.0.0/16, fd00::/8"
        },
        secret: { values: { REDIS_URL: "redis://:hunter2@redis:6379" }, existing: "more-secrets" },
        tls: { certificate: { create: true, issuer: "mine", issuerKind: "Issuer" } },
        ports: {
          smtp: { container: 2587 },
          smtps: { enabled: true, container: 2465 },
          extra: [2525, 2526],
          http: 9090
        },
        service: {
          annotations: { "example.com/a": "b" },
          loadBalancerSourceRanges: ["192.0.2.0/24", "2001:db8::/32"],
          loadBalancerClass: "example.com/lb",
          ipFamilyPolicy: "PreferDualStack"
        },
        shutdown: { delay: 0, timeout: 120 },
        // Of what is requested; the limit is twice as much.
        autoscaling: { cpu: 150, memory: 120 },
        affinity: { nodeAffinity: {} },
        nodeSelector: { "kubernetes.io/arch": "amd64" },
        tolerations: [{ key: "mail", operator: "Exists" }],
        priorityClassName: "high",
        podAnnotations: { a: "b" },
        podLabels: { team: "mail" },
        deadLetters: { enabled: true, storageClassName: "nfs" },
        extraVolumes: [{ name: "ca", configMap: { name: "ca" } }],
        extraVolumeMounts: [{ name: "ca", mountPath: "/etc/ca", readOnly: true }],
        serviceAccount: { name: "mailer", annotations: { a: "b" } },
        networkPolicy: {
          smtpFrom: [{ ipBlock: { cidr: "192.0.2.0/24" } }],
          extraEgress: [
            { to: [{ podSelector: { matchLabels: { app: "redis" } } }], ports: [{ port: 6379, protocol: "TCP" }] }
          ]
        }
      }
    ]
  },
  "everything off": {
    values: [
      HOSTNAME,
      {
        config: Object.fromEntries(Object.keys(defaultConfig).map((name) => [name, null])),
        tls: { enabled: false },
        service: { type: "ClusterIP" },
        autoscaling: { enabled: false },
        podDisruptionBudget: { enabled: false },
        topologySpread: { enabled: false },
        serviceAccount: { create: false },
        networkPolicy: { enabled: false }
      }
    ]
  },
  "names of all lengths": {
    release: "a-release-with-a-name-as-long-as-helm-lets-it-be-53-c",
    values: [HOSTNAME, MONITORED, { deadLetters: { enabled: true }, ports: { extra: [65535] } }]
  },
  "names given": {
    release: "x",
    values: [
      HOSTNAME,
      { fullnameOverride: "mx", nameOverride: "mail", deadLetters: { enabled: true, existingClaim: "nfs" } }
    ]
  },
  "a release with dots": {
    release: "mail.example",
    values: [HOSTNAME, { fullnameOverride: "", ports: { extra: [25] } }]
  },
  "one pod": {
    values: [
      HOSTNAME,
      {
        autoscaling: { enabled: false },
        replicas: 1,
        deadLetters: { enabled: true, accessModes: ["ReadWriteOnce"] },
        secret: { values: { HTTPS_PROXY: "http://user:p%40ss@proxy:3128" } }
      }
    ]
  },
  "a node port": { values: [HOSTNAME, { service: { type: "NodePort", externalTrafficPolicy: "Cluster" } }] },
  "no autoscaling by mails": { values: [HOSTNAME, { autoscaling: { mailsPerSecond: 0 } }] }
}

/** Whom the network policy lets through, decided as Kubernetes decides it. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { BlockList, isIPv6 } from "node:net"
import {
  at,
  CONTAINER,
  list,
  type Manifest,
  render,
  type Rendering,
  selects,
  type Table,
  withRenderer
} from "./Chart.ts"
import { settings } from "../../src/layers/config/settings.ts"
import { HOSTNAME } from "./chartCases.ts"

/** Labels of the pod and of its namespace. */
interface Pod {
  readonly pod: Table
  readonly namespace: string
}

/** A machine outside the cluster is its address. */
type Peer = string | Pod

interface Traffic {
  readonly peer: Peer
  readonly port: number
  readonly protocol?: "TCP" | "UDP"
}

const isWithin = (address: string, cidr: string): boolean => {
  const [network = "", bits = ""] = cidr.split("/")
  const family = isIPv6(network) ? "ipv6" : "ipv4"
  const block = new BlockList()
  block.addSubnet(network, Number(bits), family)
  return isIPv6(address) === isIPv6(network) && block.check(address, family)
}

/** An empty selector is met by everything. */
const meets = (selector: unknown, labels: Table): boolean => {
  const wanted = at(selector, "matchLabels")
  return wanted === undefined || selects(wanted, labels)
}

/** Pods are reached by their labels, and by their addresses never: those belong to no block that a policy can name. */
const isPeer = (rule: Table, peer: Peer): boolean => {
  if (rule["ipBlock"] !== undefined) {
    if (typeof peer !== "string") return false
    const excepted = at(rule, "ipBlock.except")
    return (
      isWithin(peer, `${at(rule, "ipBlock.cidr")}`) &&
      !(Array.isArray(excepted) && excepted.some((cidr) => isWithin(peer, `${cidr}`)))
    )
  }
  if (typeof peer === "string") return false
  const namespace = rule["namespaceSelector"]
  const inNamespace =
    namespace === undefined
      ? peer.namespace === "cakemail-smtp"
      : meets(namespace, { "kubernetes.io/metadata.name": peer.namespace })
  return inNamespace && meets(rule["podSelector"], peer.pod)
}

const allows = (
  { only }: Rendering,
  direction: "ingress" | "egress",
  { peer, port, protocol = "TCP" }: Traffic
): boolean => {
  const policy: Manifest = only("NetworkPolicy")
  const named = new Map(
    list(at(only("Deployment"), `${CONTAINER}.ports`)).map((each) => [each["name"], each["containerPort"]])
  )
  const peersOf = direction === "ingress" ? "from" : "to"
  return list(at(policy, `spec.${direction}`)).some(
    (rule) =>
      list(rule["ports"]).some(
        (each) => (named.get(each["port"]) ?? each["port"]) === port && each["protocol"] === protocol
      ) &&
      (rule[peersOf] === undefined || list(rule[peersOf]).some((each) => isPeer(each, peer)))
  )
}

const PROMETHEUS: Pod = { namespace: "monitoring", pod: { "app.kubernetes.io/name": "prometheus" } }
const COLLECTOR: Pod = { namespace: "monitoring", pod: { "app.kubernetes.io/name": "opentelemetry-collector" } }
const STRANGER: Pod = { namespace: "default", pod: { app: "web" } }
const NEIGHBOUR: Pod = { namespace: "cakemail-smtp", pod: { app: "web" } }
const COREDNS: Pod = { namespace: "kube-system", pod: { "k8s-app": "kube-dns" } }
const OTHER_SYSTEM: Pod = { namespace: "kube-system", pod: { "k8s-app": "dashboard" } }
/** Where collectors listen for each protocol of OTLP. */
const COLLECTOR_PORTS: Readonly<Record<string, number>> = { "http/protobuf": 4318, grpc: 4317 }
const CLIENT = "203.0.113.7"
const CLIENT_V6 = "2001:db8::7"

const rendered = (values: Table = {}) => render({ values: [HOSTNAME, values] })

describe.runIf(withRenderer)("the network policy", () => {
  it.live("is for both directions", () =>
    Effect.map(rendered(), ({ only }) =>
      assert.deepStrictEqual(at(only("NetworkPolicy"), "spec.policyTypes"), ["Ingress", "Egress"])
    )
  )

  it.live("lets mail in from everywhere, metrics to those who watch, and nothing else", () =>
    Effect.gen(function* () {
      const policy = yield* rendered()
      for (const peer of [CLIENT, CLIENT_V6, STRANGER, NEIGHBOUR]) {
        assert.isTrue(allows(policy, "ingress", { peer, port: 587 }))
        for (const port of [25, 465, 8080, 9229]) assert.isFalse(allows(policy, "ingress", { peer, port }))
      }
      assert.isTrue(allows(policy, "ingress", { peer: PROMETHEUS, port: 8080 }))
    })
  )

  it.live("lets the gateway out to names, to HTTPS on the internet, and nowhere else", () =>
    Effect.gen(function* () {
      const policy = yield* rendered()
      const out = (peer: Peer, port: number, protocol: "TCP" | "UDP" = "TCP") =>
        allows(policy, "egress", { peer, port, protocol })
      assert.isTrue(out(COREDNS, 53, "UDP"))
      assert.isTrue(out(COREDNS, 53, "TCP"))
      assert.isFalse(out(OTHER_SYSTEM, 53, "UDP"))
      assert.isFalse(out(STRANGER, 53, "UDP"))
      assert.isFalse(out("9.9.9.9", 53, "UDP"))
      assert.isTrue(out("198.51.100.9", 443))
      assert.isTrue(out("2001:db8::9", 443))
      for (const port of [22, 25, 80, 587, 4318, 6379]) assert.isFalse(out("198.51.100.9", port))
      // The API server, the machines of the cluster, their metadata service, other pods.
      for (const inside of ["10.3.0.1", "172.16.0.9", "192.168.0.9", "169.254.169.254", "fd00::1", "fe80::1"]) {
        assert.isFalse(out(inside, 443), inside)
      }
      for (const pod of [STRANGER, NEIGHBOUR, PROMETHEUS]) assert.isFalse(out(pod, 443))
      assert.isFalse(out(COLLECTOR, 4318))
    })
  )

  it.live("lets traces out once there is a collector to send them to", () =>
    Effect.gen(function* () {
      const policy = yield* rendered({ config: { OTEL_EXPORTER_OTLP_ENDPOINT: "http://collector.monitoring:4318" } })
      const spoken = new Set(settings.otlpProtocol.range.split(", "))
      for (const [protocol, port] of Object.entries(COLLECTOR_PORTS)) {
        assert.strictEqual(allows(policy, "egress", { peer: COLLECTOR, port }), spoken.has(protocol), protocol)
      }
      assert.isFalse(allows(policy, "egress", { peer: STRANGER, port: 4318 }))
      assert.isFalse(allows(policy, "egress", { peer: COLLECTOR, port: 443 }))
    })
  )

  it.live("stays closed to a collector that is not named", () =>
    Effect.gen(function* () {
      const policy = yield* rendered({ config: { OTEL_EXPORTER_OTLP_TIMEOUT: 5_000, OTEL_EXPORTER_OTLP_ENDPOINT: "" } })
      assert.isFalse(allows(policy, "egress", { peer: COLLECTOR, port: 4318 }))
    })
  )

  it.live("follows the ports, and what the values add", () =>
    Effect.gen(function* () {
      const policy = yield* rendered({
        ports: { smtp: { container: 2587 }, smtps: { enabled: true, container: 2465 }, extra: [2525], http: 9090 },
        networkPolicy: {
          smtpFrom: [{ ipBlock: { cidr: "203.0.113.0/24" } }],
          extraEgress: [
            { to: [{ podSelector: { matchLabels: { app: "redis" } } }], ports: [{ port: 6379, protocol: "TCP" }] }
          ]
        }
      })
      for (const port of [2587, 2465, 2525]) {
        assert.isTrue(allows(policy, "ingress", { peer: CLIENT, port }))
        assert.isFalse(allows(policy, "ingress", { peer: "198.51.100.9", port }))
      }
      assert.isFalse(allows(policy, "ingress", { peer: CLIENT, port: 587 }))
      assert.isTrue(allows(policy, "ingress", { peer: PROMETHEUS, port: 9090 }))
      const redis = { namespace: "cakemail-smtp", pod: { app: "redis" } }
      assert.isTrue(allows(policy, "egress", { peer: redis, port: 6379 }))
      assert.isFalse(allows(policy, "egress", { peer: { ...redis, namespace: "default" }, port: 6379 }))
    })
  )
})

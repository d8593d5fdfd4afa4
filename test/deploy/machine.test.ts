/** The gateway without Kubernetes: the systemd unit, and the compose file. */
import { assert, describe, it } from "@effect/vitest"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { ConfigProvider, Duration, Effect } from "effect"
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { parse } from "yaml"
import { readGatewaySettings } from "../../src/layers/config/GatewayConfigLive.ts"
import { settings } from "../../src/layers/config/settings.ts"
import { runProgram, withClient } from "../kit/ClientProgram.ts"
import { at, list, type Table, table } from "./Chart.ts"
import { nodeOptions, processVariables, scripts } from "../kit/npmGateway.ts"

const UNIT = "deploy/systemd/smtp-gateway.service"
const COMPOSE = "deploy/compose/compose.yaml"

const unit = readFileSync(UNIT, "utf8")
const compose: unknown = parse(readFileSync(COMPOSE, "utf8"), { merge: true })

/** All values of a directive of the unit. */
const directive = (name: string): ReadonlyArray<string> =>
  [...unit.matchAll(new RegExp(`^${name}=(.*)$`, "gm"))].map(([, value = ""]) => value)

const environmentFile = Object.fromEntries(
  [...readFileSync("deploy/gateway.env", "utf8").matchAll(/^([A-Z_]+)=(.*)$/gm)].map(([, name, value]) => [name, value])
)

/** The time that the gateway takes to end by itself, at most. */
const drainSeconds = Duration.toSeconds(
  Duration.sum(settings.shutdownDelay.defaultValue, settings.shutdownTimeout.defaultValue)
)

describe("deploy/gateway.env", () => {
  it.effect("is such that the gateway starts", () =>
    Effect.gen(function* () {
      const read = yield* Effect.provide(readGatewaySettings, [
        ConfigProvider.layer(ConfigProvider.fromEnvRecord(environmentFile)),
        NodeFileSystem.layer
      ])
      assert.strictEqual(read.smtp.hostname, "smtp.example.com")
      assert.deepStrictEqual(
        read.smtp.ports.map(({ port }) => port),
        [587]
      )
    })
  )
})

describe("npm start", () => {
  it("runs the process as npm run gateway does", () =>
    assert.strictEqual(scripts.start, scripts.gateway.replace(/ gateway$/, " start")))
})

describe("the systemd unit", () => {
  it("runs the gateway as npm run gateway does", () => {
    assert.includeMembers(
      directive("Environment").flatMap((line) => line.split(" ")),
      ["NODE_ENV=production", ...processVariables]
    )
    assert.lengthOf(processVariables, 3)
    assert.strictEqual(
      directive("ExecStart").join(),
      `/usr/bin/node ${nodeOptions.join(" ")} /opt/smtp-gateway/dist/programs/main.js gateway`
    )
    assert.lengthOf(nodeOptions, 2)
    assert.deepStrictEqual(directive("EnvironmentFile"), ["/etc/smtp-gateway/gateway.env"])
  })

  it("gives it the time to drain, and the place for dead letters", () => {
    assert.isAtLeast(Number(directive("TimeoutStopSec")), drainSeconds + 5)
    assert.strictEqual(environmentFile["DEAD_LETTER_DIR"], `/var/lib/${directive("StateDirectory")}/dead-letters`)
  })

  it("lets it listen on 587 and do nothing else that root may", () => {
    assert.deepStrictEqual(directive("AmbientCapabilities"), ["CAP_NET_BIND_SERVICE"])
    assert.deepStrictEqual(directive("CapabilityBoundingSet"), ["CAP_NET_BIND_SERVICE"])
    assert.deepStrictEqual(directive("NoNewPrivileges"), ["yes"])
    assert.deepStrictEqual(directive("User"), ["smtp-gateway"])
  })

  describe.runIf(withClient("systemd-analyze", "systemd-analyze", "--version"))("asked of systemd", () => {
    it.live("has no directive that it does not know, and little exposure", () =>
      Effect.gen(function* () {
        // Where the unit expects Node.js there may be none here.
        const folder = mkdtempSync(join(tmpdir(), "unit-test-"))
        const path = join(folder, "smtp-gateway.service")
        writeFileSync(path, unit.replace("/usr/bin/node", process.execPath))
        const verified = yield* runProgram("systemd-analyze", ["verify", "--man=no", path])
        assert.strictEqual(`${verified.code} ${verified.stdout}${verified.stderr}`, "0 ")
        const exposure = yield* runProgram("systemd-analyze", ["security", "--offline=true", "--threshold=20", path])
        assert.strictEqual(exposure.code, 0, exposure.stdout)
        rmSync(folder, { recursive: true })
      })
    )
  })
})

describe("the compose file", () => {
  const gateway = at(compose, "services.gateway")

  it("runs the gateway as the image and the chart do", () => {
    const environment = Object.entries(table(at(gateway, "environment"))).map(([name, value]) => `${name}=${value}`)
    assert.includeMembers(environment, [...processVariables])
    assert.containSubset(gateway, {
      env_file: "../gateway.env",
      read_only: true,
      cap_drop: ["ALL"],
      security_opt: ["no-new-privileges:true"],
      sysctls: { "net.ipv4.ip_unprivileged_port_start": 0 },
      mem_limit: "1g",
      pids_limit: Number(directive("TasksMax")),
      ports: ["587:587", "127.0.0.1:8080:8080"]
    })
    const grace = Number(`${at(gateway, "stop_grace_period")}`.replace(/s$/, ""))
    assert.isAtLeast(grace, drainSeconds + 5)
  })

  it("keeps what the settings name where they name it", () => {
    const targets = volumesOf(gateway).map(({ target }) => target)
    assert.includeMembers(targets, ["/etc/smtp-gateway/tls", environmentFile["DEAD_LETTER_DIR"] ?? ""])
  })

  it("keeps dead letters where the image has a directory of the gateway's own: elsewhere the volume would be root's", () => {
    const [, made = ""] = /mkdir -m 700 \/state(\S+)/.exec(readFileSync("Dockerfile", "utf8")) ?? []
    assert.strictEqual(environmentFile["DEAD_LETTER_DIR"], `/var/lib${made}`)
    assert.include(readFileSync("Dockerfile", "utf8"), "COPY --from=packages --chown=1000:1000 /state/ /var/lib/\n")
  })

  it("mounts files that are there, and opens nothing to the outside but mail", () => {
    for (const [name, service] of Object.entries(table(at(compose, "services")))) {
      for (const { source } of volumesOf(service)) {
        if (!source.startsWith(".") || source === "./tls") continue
        assert.isTrue(existsSync(join("deploy/compose", source)), `${name}: ${source}`)
      }
      const ports = at(service, "ports")
      for (const port of Array.isArray(ports) ? ports : []) {
        assert.match(`${port}`, name === "gateway" ? /^(587:587|127\.0\.0\.1:.*)$/ : /^127\.0\.0\.1:/)
      }
      assert.containSubset(service, { cap_drop: ["ALL"], security_opt: ["no-new-privileges:true"] })
    }
  })

  it("has Prometheus ask the gateway, and traces go to the collector", () => {
    const [target] = list(parse(readFileSync("deploy/compose/targets.yaml", "utf8")))
    assert.deepStrictEqual(target?.["targets"], ["gateway:8080"])
    const collector = parse(readFileSync("deploy/compose/collector.yaml", "utf8")) as Table
    const [, port] = `${at(collector, "receivers.otlp.protocols.http.endpoint")}`.split(":")
    assert.strictEqual(at(gateway, "environment.OTEL_EXPORTER_OTLP_ENDPOINT"), `http://collector:${port}`)
    const components = ["receivers", "processors", "exporters"] as const
    for (const kind of components) {
      const used = at(collector, `service.pipelines.traces.${kind}`)
      assert.sameMembers(Array.isArray(used) ? used : [], Object.keys(table(collector[kind])))
    }
  })

  describe.runIf(withClient("docker-compose", "docker-compose", "version"))("asked of docker-compose", () => {
    it.live("is understood", () =>
      Effect.gen(function* () {
        const { code, stderr, stdout } = yield* runProgram("docker-compose", ["--file", COMPOSE, "config"])
        assert.strictEqual(code, 0, stderr)
        assert.sameMembers(Object.keys(table(at(parse(stdout), "services"))), [
          "gateway",
          "prometheus",
          "grafana",
          "collector"
        ])
      })
    )
  })
})

const volumesOf = (service: unknown): ReadonlyArray<{ readonly source: string; readonly target: string }> => {
  const volumes = at(service, "volumes")
  return (Array.isArray(volumes) ? volumes : []).map((volume) => {
    const [source = "", target = ""] = `${volume}`.split(":")
    return { source, target }
  })
}

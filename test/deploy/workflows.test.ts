/** The workflows of GitHub Actions, by GitHub's own parser and by what they are for. */
import { assert, describe, it } from "@effect/vitest"
import { execFileSync } from "node:child_process"
import { cpSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { registerHooks } from "node:module"
import { tmpdir } from "node:os"
import { basename, join } from "node:path"
import { parse } from "yaml"
import { at, list, table } from "./Chart.ts"

// The parser imports JSON as bundlers do: without saying that it is.
registerHooks({
  load: (url, context, next) =>
    next(url, url.endsWith(".json") ? { ...context, importAttributes: { type: "json" } } : context)
})
const { convertWorkflowTemplate, NoOperationTraceWriter, parseWorkflow } = await import("@actions/workflow-parser")

/** What GitHub would complain of. */
const complaints = async (name: string, content: string): Promise<ReadonlyArray<string>> => {
  const { context, value } = parseWorkflow({ name, content }, new NoOperationTraceWriter())
  if (value !== undefined) await convertWorkflowTemplate(context, value)
  return context.errors.getErrors().map(({ message }) => message)
}

const files = globSync(".github/workflows/*.yml").toSorted()

const workflow = (name: string): unknown => parse(readFileSync(`.github/workflows/${name}`, "utf8"))

const jobsOf = (name: string) => Object.values(table(at(workflow(name), "jobs")))

const stepsOf = (name: string) => jobsOf(name).flatMap((job) => list(at(job, "steps")))

const commandsOf = (name: string) =>
  stepsOf(name)
    .map(({ run }) => run)
    .filter((run) => typeof run === "string")

/** Where `npm ci --omit=dev --omit=optional` puts which version. */
const productionTree = () => {
  const { packages } = JSON.parse(readFileSync("package-lock.json", "utf8")) as {
    readonly packages: Readonly<
      Record<
        string,
        { readonly version?: string; readonly dev?: true; readonly optional?: true; readonly devOptional?: true }
      >
    >
  }
  return Object.entries(packages).filter(
    ([path, { dev, devOptional, optional }]) => path !== "" && !(dev ?? optional ?? devOptional ?? false)
  )
}

describe("the workflows", () => {
  for (const path of files) {
    const name = basename(path)
    const text = readFileSync(path, "utf8")

    it(`${name} is one`, async () => {
      assert.deepStrictEqual(await complaints(name, text), [])
    })

    it(`${name} may write nothing, ends in time, and pins what it uses`, () => {
      assert.deepStrictEqual(at(workflow(name), "permissions"), { contents: "read" })
      for (const job of jobsOf(name)) {
        if (at(job, "uses") === undefined) assert.isNumber(at(job, "timeout-minutes"))
      }
      for (const { uses } of stepsOf(name)) {
        if (uses !== undefined) assert.match(`${uses}`, /^actions\/[\w-]+@[0-9a-f]{40}$/)
      }
    })

    it(`${name} has commands that the shell can read, and nothing in them that a stranger may have written`, () => {
      for (const command of commandsOf(name)) {
        assert.notInclude(command, "${{")
        execFileSync("bash", ["-n"], { input: command })
      }
    })
  }

  it("check all that has to hold before a change lands", () => {
    const commands = commandsOf("ci.yml").join("\n")
    for (const command of [
      "bash .ci/run",
      "npm run coverage",
      "npm run --silent bench",
      "helm lint --strict",
      "helm template",
      'helm package deploy/helm/smtp-gateway --app-version "$GITHUB_SHA"',
      "npm audit --omit=dev",
      "npm sbom"
    ]) {
      assert.include(commands, command)
    }
    const { scripts } = JSON.parse(readFileSync("package.json", "utf8"))
    for (const [, script = ""] of commands.matchAll(/npm run (?:--silent )?([\w:]+)/g)) assert.property(scripts, script)
  })

  it("push an image as its commit and as latest, after a mail has gone through it", () => {
    const steps = stepsOf("docker.yml")
    const push = steps.findIndex(({ run }) => `${run}`.includes("docker push"))
    const mail = steps.findIndex(({ run }) => `${run}`.includes("send --port 587"))
    assert.isAbove(mail, 0)
    assert.isAbove(push, mail)
    assert.strictEqual(steps[push]?.["if"], "inputs.push")
    for (const tag of ["$GITHUB_SHA", "latest"])
      assert.include(`${steps[push]?.["run"]}`, `docker push "$IMAGE:${tag}"`)
  })

  it("push and deploy nothing that a check has refused, and nothing but main", () => {
    const { image, ...checks } = table(at(workflow("ci.yml"), "jobs"))
    assert.sameMembers([...(at(image, "needs") as ReadonlyArray<string>)], Object.keys(checks))
    assert.strictEqual(at(image, "uses"), "./.github/workflows/docker.yml")
    assert.strictEqual(at(image, "with.push"), "${{ github.event_name == 'push' }}")
    assert.deepStrictEqual(at(workflow("ci.yml"), "on.push.branches"), ["main"])
    assert.deepStrictEqual(Object.keys(table(at(workflow("docker.yml"), "on"))), ["workflow_call"])
    assert.deepStrictEqual(at(workflow("cd.yml"), "on.workflow_run"), {
      workflows: [at(workflow("ci.yml"), "name")],
      types: ["completed"],
      branches: ["main"]
    })
    const staging = at(workflow("cd.yml"), "jobs.staging")
    assert.include(`${at(staging, "if")}`, "github.event.workflow_run.conclusion == 'success'")
    assert.include(`${at(staging, "if")}`, "github.event.workflow_run.event == 'push'")
  })

  it("do not let a deployment that waits for its approval hold up the other environment", () => {
    assert.isUndefined(at(workflow("cd.yml"), "concurrency"))
    assert.strictEqual(at(workflow("deploy.yml"), "jobs.deploy.concurrency.group"), "deploy-${{ inputs.environment }}")
  })

  it("write the bill of materials from what is installed, without leaving out what tests need as well", () => {
    const { scripts: _, ...packageJson } = JSON.parse(readFileSync("package.json", "utf8"))
    const folder = mkdtempSync(join(tmpdir(), "sbom-test-"))
    const command = commandsOf("ci.yml").find((each) => each.includes("npm sbom")) ?? ""
    const production = productionTree()
    writeFileSync(join(folder, "package.json"), JSON.stringify(packageJson))
    for (const [path] of production) {
      mkdirSync(join(folder, path), { recursive: true })
      cpSync(join(path, "package.json"), join(folder, path, "package.json"))
    }
    execFileSync("bash", ["-c", command], { cwd: folder, stdio: "pipe" })
    const { components } = JSON.parse(readFileSync(join(folder, "sbom.json"), "utf8")) as {
      readonly components: ReadonlyArray<{ readonly purl: string }>
    }
    const wanted = production.map(([path, { version }]) => {
      const name = path.slice(path.lastIndexOf("node_modules/") + "node_modules/".length)
      return `pkg:npm/${name.replace("@", "%40")}@${version}`
    })
    assert.sameMembers([...new Set(components.map(({ purl }) => purl))], [...new Set(wanted)])
    rmSync(folder, { recursive: true })
  })

  it("deploy to staging, then to production with the same commit, each by its values and its environment", () => {
    const jobs = table(at(workflow("cd.yml"), "jobs"))
    assert.deepStrictEqual(Object.keys(jobs), ["staging", "production"])
    assert.strictEqual(at(jobs["production"], "needs"), "staging")
    assert.strictEqual(at(jobs["production"], "with.commit"), at(jobs["staging"], "with.commit"))
    for (const [name, job] of Object.entries(jobs)) {
      assert.strictEqual(at(job, "with.environment"), name)
      const values = parse(readFileSync(`deploy/helm/smtp-gateway/${at(job, "with.values")}`, "utf8"))
      assert.strictEqual(at(job, "with.host"), at(values, "hostname"))
    }
    assert.strictEqual(at(workflow("deploy.yml"), "jobs.deploy.environment.name"), "${{ inputs.environment }}")
  })

  it("the check would notice mistakes", async () => {
    const broken = (step: string) => `on: push\njobs:\n  a:\n    runs-on: ubuntu-24.04\n    steps:\n      - ${step}\n`
    assert.deepStrictEqual(await complaints("ok.yml", broken("run: true")), [])
    for (const step of ["runs: true", "run: echo ${{ secrts.A }}", "run: echo ${{ github.sha"]) {
      assert.isNotEmpty(await complaints("broken.yml", broken(step)), step)
    }
  })
})

describe("dependabot", () => {
  it("looks where versions are written down", () => {
    const updates = list(at(parse(readFileSync(".github/dependabot.yml", "utf8")), "updates"))
    assert.deepStrictEqual(
      updates.map((update) => update["package-ecosystem"]),
      ["npm", "docker", "docker-compose", "github-actions"]
    )
  })
})

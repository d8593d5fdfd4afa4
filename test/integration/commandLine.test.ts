/** The command line as people use it, and everything that it prints for them to copy. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { allSettings } from "../../src/layers/config/settings.ts"
import { type Ended, runCommandLine, runProgram, startCommandLine, withClient } from "../kit/ClientProgram.ts"

const ANY_PORTS = { SMTP_PORT: "0", HTTP_PORT: "0", SANDBOX_PORT: "0" }

/** `npm start` in the scope, with what it printed. */
const start = Effect.gen(function* () {
  const running = yield* startCommandLine(["start"], { until: /Stop .*\n/, environment: ANY_PORTS })
  const text = yield* running.stdout
  const taken = (pattern: RegExp): string => {
    const [, found] = pattern.exec(text) ?? []
    assert.isDefined(found, `${pattern} in\n${text}`)
    return found
  }
  const sandboxUrl = taken(/curl (http:\S+)\/api\/v1\/messages\n/)
  return {
    running,
    text,
    taken,
    smtpPort: taken(/SMTP port +(\d+)/),
    sandboxUrl,
    subjects: Effect.promise(async () => {
      const answer = (await (await fetch(`${sandboxUrl}/api/v1/messages`)).json()) as {
        readonly messages: ReadonlyArray<{ readonly Subject: string }>
      }
      return answer.messages.map(({ Subject }) => Subject)
    })
  }
})

const shell = (command: string): Effect.Effect<Ended> => runProgram("sh", ["-c", command])

const succeeded = ({ code, stderr, stdout }: Ended): string => {
  assert.strictEqual(code, 0, stdout + stderr)
  return stdout
}

describe("what npm start prints", () => {
  it.live("tells where it is reached, and those addresses answer", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { running, taken } = yield* start
        for (const pattern of [/(http:\S+\/health\/ready)/, /(http:\S+\/metrics)/]) {
          const { status } = yield* Effect.promise(() => fetch(taken(pattern)))
          assert.strictEqual(status, 200, `${pattern}`)
        }
        assert.strictEqual(yield* running.stop("SIGINT"), 0)
      })
    )
  )

  it.live("sends a mail by npm run send", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { subjects, taken } = yield* start
        const { stdout } = yield* shell(taken(/^ +(npm run send .*)$/m))
        assert.match(stdout, /^250 2\.0\.0 Message accepted for delivery: /m)
        assert.deepStrictEqual(yield* subjects, ["Test mail"])
      })
    )
  )

  it.live("sends a mail by Nodemailer, and shows what came of it", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { subjects, taken } = yield* start
        const printed = succeeded(yield* shell(taken(/^ +(node -e '[^']*')$/m)))
        assert.match(printed, /^250 2\.0\.0 Message accepted for delivery: /)
        assert.deepStrictEqual(yield* subjects, ["Hello"])
      })
    )
  )

  describe.runIf(withClient("curl", "curl", "--version"))("with curl", () => {
    it.live("sends a mail, shows it, and makes the API fail once", () =>
      Effect.scoped(
        Effect.gen(function* () {
          const { subjects, taken } = yield* start
          const send = shell(taken(/^ +(printf '[^']*' \|\n +curl .*\\\n.*)$/m))
          succeeded(yield* send)
          assert.deepStrictEqual(yield* subjects, ["Hello"])
          assert.include(succeeded(yield* shell(taken(/^ +(curl \S+\/api\/v1\/messages)$/m))), '"Subject":"Hello"')
          assert.include(succeeded(yield* shell(taken(/^ +(curl \S+\/api\/v1\/message\/latest)$/m))), "It works.")
          succeeded(yield* shell(`${taken(/(curl -X PUT .*)$/m)} --fail`))
          // The failure is retried: the mail arrives all the same.
          succeeded(yield* send)
          assert.deepStrictEqual(yield* subjects, ["Hello", "Hello"])
        })
      )
    )
  })
})

describe("check and send", () => {
  it.live("find the server that runs, and a wrong password is told with a failure", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { sandboxUrl, smtpPort, subjects } = yield* start
        const api = { CAKEMAIL_API_URL: sandboxUrl, SMTP_HOSTNAME: "localhost" }
        const login = { ...api, CHECK_USERNAME: "demo@example.com", CHECK_PASSWORD: "demo" }
        assert.match(succeeded(yield* runCommandLine(["check", "--login"], login)), /^ok +Login +demo@example\.com/m)
        const wrong = yield* runCommandLine(["check", "--login"], { ...login, CHECK_PASSWORD: "hunter2" })
        assert.strictEqual(wrong.code, 1)
        assert.notInclude(wrong.stdout + wrong.stderr, "hunter2")

        const to = ["send", "--port", smtpPort, "--to", "you@example.com"]
        const mail = ["--subject", "By hand", "--text", "Hello"]
        assert.match(succeeded(yield* runCommandLine([...to, ...mail])), /^250 2\.0\.0 /)
        const refused = yield* runCommandLine(to, { SMTP_PASSWORD: "hunter2" })
        assert.strictEqual(refused.code, 1)
        assert.include(refused.stderr, "535 5.7.8 Authentication failed")
        assert.deepStrictEqual(yield* subjects, ["By hand"])
      })
    )
  )
})

describe("--help", () => {
  for (const args of [["--help"], ["gateway", "--help"], ["start", "--help"]]) {
    it.live(`${args.join(" ")} tells of every setting`, () =>
      Effect.map(runCommandLine(args), (ended) => {
        const text = succeeded(ended)
        for (const { defaultText, name } of allSettings) {
          assert.match(text, new RegExp(`^ +${name}$`, "m"))
          assert.include(text.replace(/\s+/g, " "), `Default: ${defaultText}.`)
        }
      })
    )
  }

  it.live("names every command", () =>
    Effect.map(runCommandLine(["--help"]), (ended) => {
      const text = succeeded(ended)
      for (const command of ["start", "gateway", "sandbox", "check", "send", "migrate", "replay"]) {
        assert.match(text, new RegExp(`^ +${command}\\b`, "m"))
      }
    })
  )

  it.live("and a command that does not exist is a failure", () =>
    Effect.map(runCommandLine(["gatway"]), ({ code, stderr, stdout }) => {
      assert.strictEqual(code, 1)
      assert.include(stdout + stderr, "gatway")
    })
  )
})

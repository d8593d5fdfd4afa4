/** What images run: `npm run build`, of the sources as they are. */
import { Effect } from "effect"
import { spawnSync } from "node:child_process"
import { BenchFailed } from "./processes.ts"
import { rootDirectory } from "./subjects.ts"

export const build = Effect.suspend(() => {
  const { status, stderr, stdout } = spawnSync("npm", ["run", "--silent", "build"], { cwd: rootDirectory })
  return status === 0
    ? Effect.void
    : Effect.fail(new BenchFailed({ reason: `npm run build failed: ${stdout.toString()}${stderr.toString()}` }))
})

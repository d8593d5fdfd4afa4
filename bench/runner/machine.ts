/** What the figures were measured on. */
import { cpus, loadavg, release, totalmem } from "node:os"

export interface Machine {
  /** One line. */
  readonly text: string
  /** What was wrong with it when the session began. */
  readonly doubts: ReadonlyArray<string>
}

export const machine = (): Machine => {
  const [load = 0] = loadavg()
  const memory = `${Math.round(totalmem() / 1024 ** 3)} GiB`
  return {
    text: `${cpus()[0]?.model ?? "unknown CPU"}, ${cpus().length} cores, ${memory}, Linux ${release()}, Node.js ${process.versions.node}`,
    doubts: load > 0.5 ? [`the load of the machine was ${load.toFixed(1)} before anything was started`] : []
  }
}

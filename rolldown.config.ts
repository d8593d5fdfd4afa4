/**
 * `npm run build`: JavaScript in dist/ for places that hold no sources. Effect is put together with what is used of it,
 * which starts in half the time and takes less memory than its modules one by one; the other packages stay packages
 * (docs/decisions/0033-dist-in-one-piece.md).
 */
import { defineConfig } from "rolldown"

/** What is run by its name, and what finds files by its own place: each stays where its source is. */
const PROGRAMS = [
  "programs/main",
  "programs/worker",
  "programs/health",
  "programs/supervisor",
  "layers/sandbox/PageAssets"
]

const EFFECT = /^(effect|@effect\/[^/]+)(\/|$)/

export default defineConfig({
  input: Object.fromEntries(PROGRAMS.map((name) => [name, `src/${name}.ts`])),
  platform: "node",
  external: (id) => /^[@a-z]/.test(id) && !EFFECT.test(id) && !id.startsWith("src/"),
  output: {
    dir: "dist",
    entryFileNames: "[name].js",
    // What several programs share is called after what it is, not after one of its modules. With the hash, and because
    // nothing is removed, a process that runs while dist/ is built again finds what it began with.
    chunkFileNames: ({ isDynamicEntry, moduleIds }) => {
      const name = isDynamicEntry ? "[name]" : moduleIds.some((id) => id.includes("/src/")) ? "gateway" : "effect"
      return `chunks/${name}-[hash].js`
    },
    sourcemap: true,
    // Stack traces in logs name lines that can be read.
    minify: false,
    comments: { legal: true, annotation: false, jsdoc: false }
  }
})

/** For `npm run test:live` alone: the tests that talk to the real API. */
import { defineConfig } from "vitest/config"

export default defineConfig({
  test: {
    include: ["test/live/*.live.ts"],
    testTimeout: 120_000,
    hookTimeout: 30_000
  }
})
